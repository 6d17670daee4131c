#include "core/clock.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

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

}  // namespace
}  // namespace herald::core
