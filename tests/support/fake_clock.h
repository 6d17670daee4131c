#pragma once

#include <memory>
#include <optional>

#include "core/clock.h"

namespace herald::test {

/// Time that stands still until a test moves it.
///
/// Timers fire on their own executor after `advance` has passed them: run the io_context (poll) to
/// see it. Thread-safety: all methods may be called concurrently; each timer belongs to its
/// executor.
class FakeClock final : public core::Clock {
public:
    /// 2026-11-21T08:00:00Z unless told otherwise.
    explicit FakeClock(core::SystemTime start = kStart);
    ~FakeClock() override;
    FakeClock(const FakeClock&) = delete;
    FakeClock& operator=(const FakeClock&) = delete;

    [[nodiscard]] core::SystemTime system_now() const override;
    [[nodiscard]] core::SteadyTime steady_now() const override;
    [[nodiscard]] std::unique_ptr<core::Timer> make_timer(
        boost::asio::any_io_executor executor) override;

    /// Moves both clocks on.
    void advance(std::chrono::steady_clock::duration by);
    /// The wall clock jumps (NTP, an operator); steady time does not notice.
    void set_system_time(core::SystemTime at);
    /// "boot" unless told otherwise; the machine starts anew with another one.
    [[nodiscard]] std::string boot() const override;
    void set_boot(std::string boot);
    /// Of a process that was killed: none of its timers fires any more.
    void forget_timers();
    /// When the first timer that someone waits for will fire.
    [[nodiscard]] std::optional<core::SteadyTime> next_expiry() const;

    static constexpr core::SystemTime kStart{std::chrono::milliseconds(1'795'248'000'000)};
    /// The same on the time line of a database that is made then.
    static constexpr core::StoredTime kStoredStart{kStart.time_since_epoch()};

private:
    struct State;
    class FakeTimer;
    std::shared_ptr<State> state_;  // shared with the timers, which may be destroyed later
};

}  // namespace herald::test
