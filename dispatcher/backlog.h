#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "core/clock.h"
#include "dispatcher/courier.h"

namespace herald::dispatcher {

/// One queue of a lane: what is in memory, and when the store has more of it.
class Backlog final {
public:
    int running = 0;
    std::optional<core::StoredTime> next_due;  ///< of what is stored, as far as known; empty: none

    [[nodiscard]] bool is_due(core::StoredTime now) const { return next_due && *next_due <= now; }
    [[nodiscard]] int held() const { return waiting() + running; }

    [[nodiscard]] int waiting() const { return static_cast<int>(jobs_.size()); }
    void add(CalloutJob job) { jobs_.push_back(std::move(job)); }
    /// REQUIRES: waiting() > 0.
    [[nodiscard]] const CalloutJob& front() const { return jobs_.front(); }
    [[nodiscard]] CalloutJob take() {
        CalloutJob job = std::move(jobs_.front());
        jobs_.pop_front();
        return job;
    }
    [[nodiscard]] std::deque<CalloutJob> take_all() { return std::exchange(jobs_, {}); }

    /// Something was stored that falls due at `at`.
    void note(core::StoredTime at) {
        if (!next_due || at < *next_due) next_due = at;
        if (!noted_ || at < *noted_) noted_ = at;
    }
    /// Between these two a note may or may not be in what the claim says.
    void claim_begins() { noted_.reset(); }
    void claim_ended(std::optional<core::StoredTime> next) {
        next_due = next;
        if (noted_) note(*noted_);
    }

private:
    std::deque<CalloutJob> jobs_;
    std::optional<core::StoredTime> noted_;
};

}  // namespace herald::dispatcher
