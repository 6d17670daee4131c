#include "core/clock.h"

#include <unistd.h>
#include <ctime>

#include <algorithm>
#include <array>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/wait_traits.hpp>
#include <fstream>
#include <functional>

namespace herald::core {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Larger differences than this between wall and boot clock are jumps, not reading them one after
// the other.
constexpr milliseconds kJump{1000};
constexpr milliseconds kReadAtOnce{50};

/// The event loop sleeps by CLOCK_MONOTONIC, which stands still while the machine is suspended: it
/// looks at the boot clock this often.
struct WaitInShortSteps {
    static constexpr BootClock::duration kStep = std::chrono::seconds(2);
    static BootClock::duration to_wait_duration(const BootClock::duration& left) {
        return std::min(left, kStep);
    }
    static BootClock::duration to_wait_duration(const BootClock::time_point& at) {
        const BootClock::time_point now = BootClock::now();
        if (at <= now) return BootClock::duration::zero();
        return at - now > kStep ? kStep : at - now;
    }
};
using BootTimer = boost::asio::basic_waitable_timer<BootClock, WaitInShortSteps>;

class AsioTimer final : public Timer {
public:
    explicit AsioTimer(boost::asio::any_io_executor executor) : timer_(std::move(executor)) {}

    void expires_at(SteadyTime at) override { timer_.expires_at(at); }
    void cancel() override { timer_.cancel(); }

    boost::asio::awaitable<void> wait() override {
        boost::system::error_code ignored;
        co_await timer_.async_wait(
            boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }

    void on_expiry(std::function<void(bool)> fired) override {
        timer_.async_wait([fired = std::move(fired)](boost::system::error_code ec) { fired(!ec); });
    }

private:
    BootTimer timer_;
};

}  // namespace

BootClock::time_point BootClock::now() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

std::string boot_identity() {
    std::string id;
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    if (!std::getline(file, id)) return {};
    std::array<char, 64> zone{};
    const auto length = ::readlink("/proc/self/ns/time", zone.data(), zone.size());
    return length > 0 ? id + " " + std::string(zone.data(), static_cast<std::size_t>(length)) : id;
}

std::int64_t Clock::line() const {
    std::int64_t line = line_.load(std::memory_order_acquire);
    if (line != kNotBegun) return line;
    const auto boot = duration_cast<milliseconds>(steady_now().time_since_epoch());
    const std::int64_t begun = (system_now().time_since_epoch() - boot).count();
    return line_.compare_exchange_strong(line, begun) ? begun : line;
}

StoredTime Clock::stored_at(SteadyTime at) const {
    const auto boot = duration_cast<milliseconds>(at.time_since_epoch());
    return StoredTime(milliseconds(line()) + boot);
}

milliseconds Clock::wall_ahead() const {
    return milliseconds(wall_ahead_.load(std::memory_order_acquire));
}

SystemTime Clock::on_the_wall(StoredTime at) const {
    return SystemTime(at.time_since_epoch() + wall_ahead());
}

StoredTime Clock::on_the_line(SystemTime at) const {
    return StoredTime(at.time_since_epoch() - wall_ahead());
}

void Clock::continue_line(const std::optional<KeptTime>& kept) {
    if (!kept) return;
    wall_ahead_ = kept->wall_ahead.count();
    const auto steady = duration_cast<milliseconds>(steady_now().time_since_epoch());
    const std::string now = boot();
    if (!now.empty() && kept->boot == now) {
        line_ = kept->since_boot.count();
    } else {
        const StoredTime by_the_wall = on_the_line(system_now());
        line_ = (std::max(by_the_wall, kept->at).time_since_epoch() - steady).count();
    }
    static_cast<void>(notice_wall_jump());
}

KeptTime Clock::to_keep() const {
    return {.boot = boot(),
            .since_boot = milliseconds(line()),
            .wall_ahead = wall_ahead(),
            .at = stored_now()};
}

std::optional<milliseconds> Clock::notice_wall_jump() {
    const StoredTime before = stored_now();
    const SystemTime wall = system_now();
    const StoredTime after = stored_now();
    if (after - before > kReadAtOnce) return std::nullopt;  // the next look will tell
    const milliseconds ahead = wall.time_since_epoch() - before.time_since_epoch();
    const milliseconds jump = ahead - wall_ahead();
    if (jump < kJump && jump > -kJump) return std::nullopt;
    wall_ahead_ = ahead.count();
    return jump;
}

SystemTime SystemClock::system_now() const {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::steady_now() const {
    return BootClock::now();
}

std::unique_ptr<Timer> SystemClock::make_timer(boost::asio::any_io_executor executor) {
    return std::make_unique<AsioTimer>(std::move(executor));
}

}  // namespace herald::core
