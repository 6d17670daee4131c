#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/await.h"
#include "core/error.h"
#include "storage/callout_filter.h"
#include "storage/records.h"

namespace herald::storage {

struct NotificationCounts {
    core::NotificationId id;
    std::string name;
    std::int64_t pending = 0, claimed = 0, in_flight = 0, delivered = 0, dead = 0, cancelled = 0;
};

struct StoreCounts {
    std::int64_t events = 0;
    std::vector<NotificationCounts> notifications;  ///< deleted ones under an empty name, added up
    /// When the pending callout that is the oldest was created, whenever it is due.
    std::optional<core::StoredTime> oldest_pending_at = std::nullopt;
};

/// The newest of those that match.
struct CalloutPage {
    std::vector<CalloutRecord> callouts;
    /// Set where a listing gave up, having looked at as many callouts as one may: go on with this
    /// as the filter's `before`. A page may be short then, and even empty.
    std::optional<core::CalloutId> resume_before = std::nullopt;
};

/// What of the history is kept. Without a bound that side is unlimited.
struct HistoryBounds {
    std::optional<core::StoredTime> keep_since = std::nullopt;  ///< by when the event came in
    std::optional<std::int64_t> max_bytes = std::nullopt;       ///< of the database file in use
};

/// One step of pruning.
struct Pruned {
    std::int64_t events = 0;
    /// Where the next step goes on; empty: nothing more is out of bounds.
    std::optional<std::int64_t> resume_after = std::nullopt;
};

/// The role of the store that tells what happened, and forgets it in time.
///
/// Reads block, see what was durable when they began, and look at a bounded number of callouts
/// however many there are. Thread-safety: all methods may be called concurrently.
class HistoryStore {
public:
    virtual ~HistoryStore() = default;

    [[nodiscard]] virtual core::Result<EventRecord> event(core::EventId id) = 0;
    [[nodiscard]] virtual core::Result<std::vector<CalloutRecord>> callouts_of(
        core::EventId id) = 0;
    [[nodiscard]] virtual core::Result<CalloutRecord> callout(core::CalloutId id) = 0;
    [[nodiscard]] virtual core::Result<std::vector<AttemptRecord>> attempts_of(
        core::CalloutId id) = 0;
    /// Newest first, 1000 at most.
    [[nodiscard]] virtual core::Result<CalloutPage> list_callouts(const CalloutFilter& filter) = 0;
    [[nodiscard]] virtual core::Result<StoreCounts> counts() = 0;

    /// Deletes some of the oldest events out of bounds, with their callouts and attempts: those
    /// whose callouts are all finished. A small step, so that nobody waits for it; `resume_after`
    /// is what the step before returned, 0 at the beginning of a walk.
    virtual void prune_history(HistoryBounds bounds, std::int64_t resume_after,
                               core::Done<Pruned> done) = 0;
};

}  // namespace herald::storage
