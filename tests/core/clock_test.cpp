#include "core/clock.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fstream>

namespace herald::core {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// Far beyond any delay of the machine, yet short of the hour that the timers here are set to.
constexpr auto kPatience = 60s;

class TimerTest : public ::testing::Test {
protected:
    // Starts a coroutine that waits once and then sets the flag.
    std::shared_ptr<bool> start_waiting(asio::cancellation_slot slot = {}) {
        auto returned = std::make_shared<bool>(false);
        asio::co_spawn(context, wait_once(timer.get(), returned),
                       asio::bind_cancellation_slot(slot, asio::detached));
        context.poll();
        return returned;
    }
    std::shared_ptr<std::optional<bool>> start_watching() {
        auto fired = std::make_shared<std::optional<bool>>();
        timer->on_expiry([fired](bool expired) { *fired = expired; });
        return fired;
    }
    static asio::awaitable<void> wait_once(Timer* timer, std::shared_ptr<bool> returned) {
        co_await timer->wait();
        *returned = true;
    }
    void run() {
        context.restart();
        context.run_for(kPatience);
    }

    asio::io_context context;
    SystemClock clock;
    std::unique_ptr<Timer> timer = clock.make_timer(context.get_executor());
};

TEST(SystemClockTest, SteadyTimeNeverGoesBack) {
    const SystemClock clock;
    auto before = clock.steady_now();
    for (int i = 0; i < 1000; ++i) {
        const auto after = clock.steady_now();
        ASSERT_GE(after, before);
        before = after;
    }
}

TEST(SystemClockTest, SystemTimeIsUtcOfThisCentury) {
    using std::chrono::sys_days;
    using std::chrono::year;
    const SystemTime now = SystemClock().system_now();
    EXPECT_GT(now, sys_days(year(2025) / 1 / 1));
    EXPECT_LT(now, sys_days(year(2100) / 1 / 1));
}

TEST_F(TimerTest, WaitReturnsAtTheExpiryAndNotBefore) {
    const auto start = clock.steady_now();
    timer->expires_at(start + 5ms);
    const auto returned = start_waiting();
    run();
    EXPECT_TRUE(*returned);
    EXPECT_GE(clock.steady_now() - start, 5ms);
}

// The step in which a timer looks at the boot clock again is shorter than this.
TEST_F(TimerTest, ALongWaitEndsAtItsExpiryToo) {
    const auto start = clock.steady_now();
    timer->expires_at(start + 2500ms);
    const auto returned = start_waiting();
    run();
    EXPECT_TRUE(*returned);
    EXPECT_GE(clock.steady_now() - start, 2500ms);
}

TEST_F(TimerTest, WaitReturnsAtOnceWhenTheExpiryIsPast) {
    timer->expires_at(clock.steady_now() - 1h);
    const auto returned = start_waiting();
    run();
    EXPECT_TRUE(*returned);
}

TEST_F(TimerTest, CancelWakesEveryWaiter) {
    timer->expires_at(clock.steady_now() + 1h);
    const auto first = start_waiting();
    const auto second = start_waiting();
    EXPECT_FALSE(*first);
    timer->cancel();
    run();
    EXPECT_TRUE(*first);
    EXPECT_TRUE(*second);
}

TEST_F(TimerTest, ANewExpiryWakesTheWaiter) {
    timer->expires_at(clock.steady_now() + 1h);
    const auto returned = start_waiting();
    timer->expires_at(clock.steady_now() + 2h);
    run();
    EXPECT_TRUE(*returned);
}

TEST_F(TimerTest, CancellationOfTheCoroutineEndsTheWait) {
    timer->expires_at(clock.steady_now() + 1h);
    asio::cancellation_signal signal;
    const auto returned = start_waiting(signal.slot());
    EXPECT_FALSE(*returned);
    signal.emit(asio::cancellation_type::terminal);
    run();
    EXPECT_TRUE(*returned);
}

TEST_F(TimerTest, ForgetsACancelFromBeforeTheWait) {
    timer->expires_at(clock.steady_now() + 1h);
    timer->cancel();
    const auto returned = start_waiting();
    EXPECT_FALSE(*returned);
    timer->cancel();
    run();
    EXPECT_TRUE(*returned);
}

TEST_F(TimerTest, OnExpiryTellsTheExpiry) {
    timer->expires_at(clock.steady_now() + 1ms);
    const auto fired = start_watching();
    EXPECT_EQ(*fired, std::nullopt);
    run();
    EXPECT_EQ(*fired, true);
}

TEST_F(TimerTest, OnExpiryTellsThatItWasWoken) {
    timer->expires_at(clock.steady_now() + 1h);
    const auto cancelled = start_watching();
    timer->cancel();
    EXPECT_EQ(*cancelled, std::nullopt) << "called from inside cancel";
    const auto moved = start_watching();
    timer->expires_at(clock.steady_now() + 2h);
    const auto orphaned = start_watching();
    timer.reset();
    run();
    EXPECT_EQ(*cancelled, false);
    EXPECT_EQ(*moved, false);
    EXPECT_EQ(*orphaned, false);
}

/// Both clocks stand where a test puts them.
class ClockByHand final : public Clock {
public:
    ClockByHand(SystemTime at, std::chrono::milliseconds since_boot, std::string of_boot = "boot")
        : wall(at), steady(since_boot), of_boot_(std::move(of_boot)) {}
    [[nodiscard]] SystemTime system_now() const override { return wall; }
    [[nodiscard]] SteadyTime steady_now() const override { return SteadyTime(steady); }
    [[nodiscard]] std::string boot() const override { return of_boot_; }
    [[nodiscard]] std::unique_ptr<Timer> make_timer(asio::any_io_executor /*executor*/) override {
        return nullptr;
    }
    void pass(std::chrono::milliseconds time) {
        wall += time;
        steady += time;
    }

    SystemTime wall;
    std::chrono::milliseconds steady;

private:
    std::string of_boot_;
};

constexpr SystemTime kWall{1'795'248'000'000ms};

std::chrono::milliseconds reading(StoredTime at) {
    return at.time_since_epoch();
}

TEST(TimeLineTest, BeginsAsTheWallClockAndGoesOnWithTheBootClock) {
    ClockByHand clock(kWall, 40s);
    EXPECT_EQ(reading(clock.stored_now()), kWall.time_since_epoch());
    clock.pass(90s);
    clock.wall -= 1h;
    EXPECT_EQ(reading(clock.stored_now()), kWall.time_since_epoch() + 90s);
}

TEST(TimeLineTest, AJumpIsNoticedOnceAndMovesOnlyWhatIsShown) {
    ClockByHand clock(kWall, 40s);
    const StoredTime before = clock.stored_now();
    EXPECT_EQ(clock.notice_wall_jump(), std::nullopt);
    for (const auto jump : {-1h, 48h, -47h}) {
        clock.wall += jump;
        EXPECT_EQ(clock.notice_wall_jump(), jump);
        EXPECT_EQ(clock.notice_wall_jump(), std::nullopt);
        EXPECT_EQ(clock.stored_now(), before);
        EXPECT_EQ(clock.on_the_wall(before), clock.wall);
        EXPECT_EQ(clock.on_the_line(clock.wall), before);
    }
}

TEST(TimeLineTest, SlewingIsNoJump) {
    ClockByHand clock(kWall, 40s);
    const StoredTime before = clock.stored_now();
    clock.wall += 999ms;
    EXPECT_EQ(clock.notice_wall_jump(), std::nullopt);
    EXPECT_EQ(clock.on_the_wall(before), kWall);
}

TEST(TimeLineTest, ARestartOfTheProcessGoesOnExactlyWhateverTheWallClockSays) {
    ClockByHand before(kWall, 40s);
    const StoredTime start = before.stored_now();
    const KeptTime kept = before.to_keep();
    ClockByHand after(kWall - 24h, 100s);
    after.continue_line(kept);
    EXPECT_EQ(after.stored_now(), start + 60s);
    EXPECT_EQ(after.on_the_wall(after.stored_now()), after.wall);
    EXPECT_EQ(after.notice_wall_jump(), std::nullopt) << "that is what it starts with";
}

TEST(TimeLineTest, AfterARebootItGoesOnByTheWallClockLessWhatThatWasAhead) {
    ClockByHand before(kWall, 40s);
    (void)before.stored_now();
    before.wall += 1h;
    ASSERT_TRUE(before.notice_wall_jump());
    const StoredTime start = before.stored_now();
    const KeptTime kept = before.to_keep();
    ClockByHand after(before.wall + 10min, 5s, "another boot");
    after.continue_line(kept);
    EXPECT_EQ(after.stored_now(), start + 10min);
    EXPECT_EQ(after.on_the_wall(start), before.wall);
}

TEST(TimeLineTest, AfterARebootItNeverGoesBack) {
    ClockByHand before(kWall, 40s);
    before.pass(1h);
    const StoredTime last = before.stored_now();
    const KeptTime kept = before.to_keep();
    ClockByHand after(SystemTime(0ms), 5s, "another boot");
    after.continue_line(kept);
    EXPECT_EQ(after.stored_now(), last);
    EXPECT_EQ(after.on_the_wall(last), SystemTime(0ms)) << "shown by the clock as it goes";
    after.wall = kWall + 3h;
    EXPECT_TRUE(after.notice_wall_jump());
    EXPECT_EQ(after.stored_now(), last);
}

TEST(TimeLineTest, WhereTheBootCannotBeToldItGoesOnByTheWallClock) {
    ClockByHand before(kWall, 40s, "");
    (void)before.stored_now();
    ClockByHand after(kWall + 1h, 40s, "");
    after.continue_line(before.to_keep());
    EXPECT_EQ(reading(after.stored_now()), kWall.time_since_epoch() + 1h);
}

TEST(BootClockTest, CountsTheSecondsOfTheMachineAndTellsItsRun) {
    std::ifstream uptime("/proc/uptime");  // kept by the boot clock
    double seconds = 0;
    ASSERT_TRUE(uptime >> seconds);
    const std::chrono::duration<double> read = BootClock::now().time_since_epoch();
    EXPECT_NEAR(read.count(), seconds, 60);
    EXPECT_EQ(boot_identity(), boot_identity());
    EXPECT_GE(boot_identity().size(), 36U);
}

}  // namespace
}  // namespace herald::core
