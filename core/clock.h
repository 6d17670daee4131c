#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace herald::core {

/// The wall clock, UTC, milliseconds: only for what another party reads or wrote (timestamps on the
/// wire, HTTP-date, `exp`, the validity of a certificate) and for what people see. It may jump at
/// any time, so nothing of ours waits, ages or ends by it.
using SystemTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// CLOCK_BOOTTIME: never jumps, and time in which the machine was suspended has passed.
struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;
    [[nodiscard]] static time_point now() noexcept;
};
/// What durations and deadlines are measured with. Means nothing after a restart.
using SteadyTime = BootClock::time_point;

/// Herald's own time line. It reads as the wall clock did when the database was made and goes on
/// with the boot clock from there, so that no jump of the wall clock moves it.
struct TimeLine {};
/// What is stored to be compared again: due times, ages, expiry.
using StoredTime = std::chrono::time_point<TimeLine, std::chrono::milliseconds>;

/// How the time line goes on after a restart; lies in the database.
struct KeptTime {
    std::string boot;                         ///< the `Clock::boot` that `since_boot` belongs to
    std::chrono::milliseconds since_boot{0};  ///< the boot clock's zero on the time line
    std::chrono::milliseconds wall_ahead{0};  ///< how far the wall clock was ahead of the line
    StoredTime at;
};

/// Tells one run of the machine, and one time namespace in it, from the others; empty where that
/// cannot be told.
[[nodiscard]] std::string boot_identity();

/// One re-armable wait, bound to an executor.
///
/// Thread-safety: none; use it from its executor only.
class Timer {
public:
    virtual ~Timer() = default;

    /// Sets when `wait` returns; wakes whoever waits, who must look again at why it waits.
    /// Before the first call the expiry is long past.
    virtual void expires_at(SteadyTime at) = 0;
    /// Wakes whoever waits; the expiry stays, and a wait that begins later is not affected.
    virtual void cancel() = 0;
    /// Returns at the expiry, or when woken by `cancel`, `expires_at`, the timer's destruction or
    /// cancellation of the coroutine.
    [[nodiscard]] virtual boost::asio::awaitable<void> wait() = 0;
    /// The same for code that is no coroutine: `fired(true)` at the expiry, `fired(false)` when
    /// woken. Called once, on the executor, never from inside a method; destruction wakes too.
    virtual void on_expiry(std::function<void(bool)> fired) = 0;
};

/// The only source of time outside core/. Pure code takes `now` as an argument; only loops hold a
/// Clock.
///
/// Thread-safety: all methods may be called concurrently.
class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;
    [[nodiscard]] virtual SystemTime system_now() const = 0;
    [[nodiscard]] virtual SteadyTime steady_now() const = 0;
    [[nodiscard]] virtual std::unique_ptr<Timer> make_timer(
        boost::asio::any_io_executor executor) = 0;
    /// Which run of the machine its steady time belongs to.
    [[nodiscard]] virtual std::string boot() const { return boot_identity(); }

    /// Where the time line was not continued from a database, it begins with the first call.
    [[nodiscard]] StoredTime stored_now() const { return stored_at(steady_now()); }
    /// What `stored_now` was, or will be, at that time.
    [[nodiscard]] StoredTime stored_at(SteadyTime at) const;
    /// When the wall clock, as it goes now, showed or will show this.
    [[nodiscard]] SystemTime on_the_wall(StoredTime at) const;
    [[nodiscard]] StoredTime on_the_line(SystemTime at) const;

    /// The time line goes on from what was kept: exactly, if the machine still runs; else by the
    /// wall clock, but never back. Call it before anything asks for stored times.
    void continue_line(const std::optional<KeptTime>& kept);
    [[nodiscard]] KeptTime to_keep() const;
    /// By how much the wall clock jumped since the last look, if it did. From here on what is shown
    /// follows it; stored times stay.
    [[nodiscard]] std::optional<std::chrono::milliseconds> notice_wall_jump();

private:
    [[nodiscard]] std::int64_t line() const;
    [[nodiscard]] std::chrono::milliseconds wall_ahead() const;

    static constexpr std::int64_t kNotBegun = INT64_MIN;
    mutable std::atomic<std::int64_t> line_{kNotBegun};  ///< ms of the time line at boot
    std::atomic<std::int64_t> wall_ahead_{0};
};

/// The machine's clocks. A timer notices within two seconds that the machine was suspended.
class SystemClock final : public Clock {
public:
    [[nodiscard]] SystemTime system_now() const override;
    [[nodiscard]] SteadyTime steady_now() const override;
    [[nodiscard]] std::unique_ptr<Timer> make_timer(boost::asio::any_io_executor executor) override;
};

}  // namespace herald::core
