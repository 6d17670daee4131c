#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "dispatcher/courier.h"

namespace herald::dispatcher {

/// Lets one suspect go at a time in the whole process. A callout that was in flight at two ends of
/// the process in a row may have caused them; sent alone, a third end names it, and the others are
/// delivered.
///
/// Thread-safety: all methods may be called concurrently.
class Quarantine final {
public:
    /// One more end of the process while it is in flight and it is dead.
    [[nodiscard]] static bool is_suspect(const CalloutJob& job) {
        return job.crashes >= storage::kMostCrashes - 1;
    }

    /// True: the caller's suspect may go, until `leave`. False: `free` is called once, on any
    /// thread, when the caller should ask again.
    [[nodiscard]] bool try_enter(std::function<void()> free) {
        const std::scoped_lock lock(mutex_);
        if (std::exchange(taken_, true)) {
            waiting_.push_back(std::move(free));
            return false;
        }
        return true;
    }
    void leave() {
        std::deque<std::function<void()>> waiting;
        {
            const std::scoped_lock lock(mutex_);
            taken_ = false;
            waiting.swap(waiting_);
        }
        for (const auto& free : waiting) free();
    }

private:
    std::mutex mutex_;
    bool taken_ = false;                         // guarded by mutex_
    std::deque<std::function<void()>> waiting_;  // guarded by mutex_; at most one of each lane
};

}  // namespace herald::dispatcher
