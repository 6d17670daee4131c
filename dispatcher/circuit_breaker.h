#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/clock.h"
#include "core/random.h"
#include "dispatcher/verdict.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// Stops a lane whose receiver fails, so that it is not hammered and its callouts spend no
/// attempts.
///
/// Closed: attempts run; it opens when at least `min_attempts` ended within the window and
/// `failure_percent` of them failed. Open: nothing starts, for `open_for`, doubled after each
/// failed probe up to `open_for_at_most`, with ±10 % jitter. Half open: exactly one attempt, the
/// probe, decides. Time is an argument; thread-safety: none.
class CircuitBreaker final {
public:
    enum class State : std::uint8_t { kClosed, kOpen, kHalfOpen };
    /// Handed out with each attempt: one from an earlier phase says nothing about this one.
    using Ticket = std::uint64_t;

    CircuitBreaker(storage::BreakerSettings settings, core::Random& random)
        : settings_(settings), random_(&random) {}

    /// Closed, and nothing that was started before counts any more.
    void adopt(storage::BreakerSettings settings);
    /// From open to half open, when its time has come.
    void advance(core::SteadyTime now);
    [[nodiscard]] State state() const { return state_; }
    /// An open one lets its probe through now.
    void probe_now(core::SteadyTime now);
    /// When an open one lets a probe through.
    [[nodiscard]] core::SteadyTime probe_at() const { return probe_at_; }

    [[nodiscard]] bool may_start() const {
        return state_ == State::kClosed || (state_ == State::kHalfOpen && !probing_);
    }
    /// REQUIRES: may_start().
    [[nodiscard]] Ticket start();
    void ended(Ticket ticket, ReceiverHealth health, core::SteadyTime now);

    [[nodiscard]] const storage::BreakerSettings& settings() const { return settings_; }

private:
    static constexpr std::int64_t kSlices = 10;
    struct Slice {
        std::int64_t number = -1;
        int ended = 0;
        int failed = 0;
    };

    void count(bool failed, core::SteadyTime now);
    [[nodiscard]] bool too_many_failed(core::SteadyTime now) const;
    [[nodiscard]] std::int64_t slice_number(core::SteadyTime now) const;
    void enter(State state);
    void open(core::SteadyTime now);

    storage::BreakerSettings settings_;
    core::Random* random_;
    State state_ = State::kClosed;
    Ticket phase_ = 0;
    bool probing_ = false;
    int openings_ = 0;  ///< in a row, without a success between
    core::SteadyTime probe_at_{};
    std::array<Slice, kSlices> slices_{};
};

[[nodiscard]] std::string_view to_string(CircuitBreaker::State state);

}  // namespace herald::dispatcher
