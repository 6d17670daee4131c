#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace herald::core {

/// What is stored and shown: wall clock, UTC, milliseconds.
using SystemTime = std::chrono::sys_time<std::chrono::milliseconds>;
/// What durations and deadlines are measured with.
using SteadyTime = std::chrono::steady_clock::time_point;

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
    virtual ~Clock() = default;
    [[nodiscard]] virtual SystemTime system_now() const = 0;
    [[nodiscard]] virtual SteadyTime steady_now() const = 0;
    [[nodiscard]] virtual std::unique_ptr<Timer> make_timer(
        boost::asio::any_io_executor executor) = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
public:
    [[nodiscard]] SystemTime system_now() const override;
    [[nodiscard]] SteadyTime steady_now() const override;
    [[nodiscard]] std::unique_ptr<Timer> make_timer(boost::asio::any_io_executor executor) override;
};

}  // namespace herald::core
