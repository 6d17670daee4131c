#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/await.h"
#include "core/error.h"
#include "storage/callout_filter.h"
#include "storage/records.h"

namespace herald::storage {

/// A callout about to be stored with its event.
struct NewCallout {
    core::CalloutId id;
    core::NotificationId notification;
    std::string notification_name;
    std::optional<std::string> provider_name = std::nullopt;
    bool claimed = false;  ///< a lane has room: stored as claimed, handed over after COMMIT
    /// Callouts of one notification with the same key go one after another; empty: no order. Not
    /// with `claimed`.
    std::string order_key = {};
};

struct NewEvent {
    EventPtr event;
    std::vector<NewCallout> callouts = {};
    /// `catalogue_version()` that the callouts were matched against.
    std::int64_t catalogue_version = 0;
};

enum class AppendStatus {
    kStored,
    kDuplicate,    ///< the key is known with the same type and data: `event` is the first one's id
    kKeyConflict,  ///< the key is known with another type or other data; nothing stored
    kStaleCatalogue,  ///< notifications or providers changed since the match; nothing stored: match
                      ///< again
};

struct AppendResult {
    AppendStatus status = AppendStatus::kStored;
    core::EventId event;
    std::vector<CalloutRecord> callouts;  ///< of the first event, where it is a duplicate
};

/// A callout taken from the backlog for a lane.
struct ClaimedCallout {
    core::CalloutId id;
    EventPtr event;
    int attempts = 0;
    int failures = 0;
    int crashes = 0;
};

/// The backlog of a notification is two queues, so that late retries cannot hold up first tries; a
/// retry is what has had an attempt, by the schedule, by a person or after a crash.
struct ClaimLimits {
    std::size_t first_tries = 0;
    std::size_t retries = 0;
    /// Of the data of their events: the one that reaches it is the last.
    std::size_t bytes = 16UL * 1024 * 1024;
};

struct Claim {
    std::vector<ClaimedCallout> callouts;  ///< first tries, then retries, each by due time
    /// When the next one of each queue falls due; empty where none is left. Earlier than now when
    /// its limit cut the claim.
    std::optional<core::StoredTime> next_first_try_at = std::nullopt;
    std::optional<core::StoredTime> next_retry_at = std::nullopt;
};

/// A callout's next state. `due_at` only with kPending.
struct CalloutUpdate {
    core::CalloutId id;
    core::NotificationId notification;
    CalloutState state = CalloutState::kPending;
    std::optional<std::string> reason = std::nullopt;
    std::optional<core::StoredTime> due_at = std::nullopt;
    int attempts = 0;
    int failures = 0;
    int crashes = 0;  ///< 0 once an attempt has an outcome
};

/// One callout's attempts (two where a 401 was resent) and its next state.
struct CalloutOutcome {
    std::vector<AttemptRecord> attempts;
    CalloutUpdate update;
};
/// Shared, because whoever hands it over writes it again where the store could not.
using CalloutOutcomePtr = std::shared_ptr<const CalloutOutcome>;

/// What a new owner found of the one before.
struct Recovered {
    std::int64_t sent_again = 0;   ///< may have left: an attempt `unknown_crash`, due now
    std::int64_t given_back = 0;   ///< claimed only: due now, nothing else
    std::int64_t crash_loops = 0;  ///< dead, reason `crash_loop`
    /// Whether what had left was known; else all that was claimed counts as sent.
    bool exact = true;
};

/// A callout that was in flight at so many ends of the process in a row is dead.
inline constexpr int kMostCrashes = 3;

struct RetriedDead {
    std::int64_t count = 0;
    /// Where the next step goes on, so that one that dies again meanwhile is not taken twice.
    std::optional<core::CalloutId> last = std::nullopt;
};

/// The role of the store in which callouts wait, are claimed and end.
///
/// Asynchronous methods take effect in the order in which they were submitted and are committed in
/// groups; their Done runs on a thread of the store and must not block on anything but a short
/// read. The others block until durable. Thread-safety: all methods may be called concurrently.
class CalloutQueue {
public:
    virtual ~CalloutQueue() = default;

    virtual void append_event(NewEvent event, core::Done<AppendResult> done) = 0;
    /// Claims due callouts of one notification for the owner of this store. Error
    /// `database_damaged` where what is stored contradicts itself: nothing was claimed.
    virtual void claim_due(core::NotificationId notification, core::StoredTime now,
                           ClaimLimits limits, core::Done<Claim> done) = 0;
    /// May wait a moment for others to be committed with. Done with whether a callout of the same
    /// order key is due now.
    virtual void record_attempt(CalloutOutcomePtr outcome, core::Done<bool> done) = 0;
    /// New states without an attempt: given back to the backlog, parked, cancelled. Never counts as
    /// an attempt. Done as record_attempt.
    virtual void update_callouts(std::vector<CalloutUpdate> updates, core::Done<bool> done) = 0;

    enum class Sending {
        kMayStart,
        kCancelled,  ///< by a person, since it was claimed: the lane drops it
        kUnderWay,   ///< it has been sent and its outcome is not known: damage
    };
    /// Before the first byte of an attempt may leave. In flight from here on until its outcome is
    /// durable. Costs no I/O; never blocks for it.
    [[nodiscard]] virtual Sending start_sending(core::CalloutId id,
                                                core::NotificationId notification) = 0;

    /// Takes the lease of all callouts, at start, under a new number: what the owner before had
    /// claimed becomes pending, or dead where it crashed kMostCrashes times. Blocks. REQUIRES:
    /// nothing was claimed by this owner yet.
    [[nodiscard]] virtual core::Result<Recovered> take_lease(std::string owner,
                                                             core::StoredTime now) = 0;

    /// A dead, cancelled or pending callout becomes due now, with its attempts counted on and its
    /// schedule begun anew. Conflict `callout_in_flight`, `callout_delivered`, or `not_found` with
    /// its notification gone.
    [[nodiscard]] virtual core::Result<CalloutRecord> retry_callout(core::CalloutId id,
                                                                    core::StoredTime now) = 0;
    /// Up to `limit` dead callouts that match, oldest first and behind `filter.after`, made due;
    /// `dry_run` only counts all.
    [[nodiscard]] virtual core::Result<RetriedDead> retry_dead(const CalloutFilter& filter,
                                                               core::StoredTime now,
                                                               std::size_t limit, bool dry_run) = 0;
    /// One step of the same for pending callouts of one notification that wait for a time after
    /// `now`, the latest first; not for those behind another of their order key. Returns how many:
    /// 0 when none is left. `dry_run` counts all.
    [[nodiscard]] virtual core::Result<std::int64_t> retry_waiting(
        core::NotificationId notification, core::StoredTime now, std::size_t limit,
        bool dry_run) = 0;
    /// Whatever has not left can be cancelled. Conflict `callout_in_flight` while an attempt runs;
    /// `callout_finished` when it is over.
    [[nodiscard]] virtual core::Result<CalloutRecord> cancel_callout(core::CalloutId id) = 0;
};

}  // namespace herald::storage
