#pragma once

#include <deque>
#include <optional>

#include "core/clock.h"
#include "dispatcher/courier.h"

namespace herald::dispatcher {

/// One queue of a lane: what is in memory, and when the store has more of it.
struct Backlog {
    std::deque<CalloutJob> jobs;
    int running = 0;
    std::optional<core::SystemTime> next_due;  ///< of what is stored, as far as known; empty: none

    [[nodiscard]] bool is_due(core::SystemTime now) const { return next_due && *next_due <= now; }
    [[nodiscard]] int held() const { return static_cast<int>(jobs.size()) + running; }

    /// Something was stored that falls due at `at`.
    void note(core::SystemTime at) {
        if (!next_due || at < *next_due) next_due = at;
        if (!noted_ || at < *noted_) noted_ = at;
    }
    /// Between these two a note may or may not be in what the claim says.
    void claim_begins() { noted_.reset(); }
    void claim_ended(std::optional<core::SystemTime> next) {
        next_due = next;
        if (noted_) note(*noted_);
    }

private:
    std::optional<core::SystemTime> noted_;
};

}  // namespace herald::dispatcher
