#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/await.h"
#include "core/error.h"
#include "storage/records.h"

namespace herald::storage {

/// A callout about to be stored with its event.
struct NewCallout {
    core::CalloutId id;
    core::NotificationId notification;
    std::string notification_name;
    std::optional<std::string> provider_name = std::nullopt;
    bool in_flight = false;  ///< a lane has room: stored as in flight, handed over after COMMIT
    /// Callouts of one notification with the same key go one after another; empty: no order. Not
    /// with `in_flight`.
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

/// A callout taken from the backlog, now in flight.
struct ClaimedCallout {
    core::CalloutId id;
    EventPtr event;
    int attempts = 0;
    int failures = 0;
};

/// The backlog of a notification is two queues, so that late retries cannot hold up first tries; a
/// retry is what has had an attempt, by the schedule, by a person or after a crash.
struct ClaimLimits {
    std::size_t first_tries = 0;
    std::size_t retries = 0;
};

struct Claim {
    std::vector<ClaimedCallout> callouts;  ///< first tries, then retries, each by due time
    /// When the next one of each queue falls due; empty where none is left. Earlier than now when
    /// its limit cut the claim.
    std::optional<core::SystemTime> next_first_try_at = std::nullopt;
    std::optional<core::SystemTime> next_retry_at = std::nullopt;
};

/// A callout's next state. `due_at` only with kPending.
struct CalloutUpdate {
    core::CalloutId id;
    core::NotificationId notification;
    CalloutState state = CalloutState::kPending;
    std::optional<std::string> reason = std::nullopt;
    std::optional<core::SystemTime> due_at = std::nullopt;
    int attempts = 0;
    int failures = 0;
};

struct CalloutFilter {
    std::optional<CalloutState> state = std::nullopt;
    std::optional<std::string> notification = std::nullopt;
    std::optional<core::EventId> event = std::nullopt;
    std::optional<core::SystemTime> since =
        std::nullopt;  ///< by the callout's id, that is: when it was created
    std::optional<core::CalloutId> before =
        std::nullopt;  ///< keyset cursor: newest first, strictly older than this one
    std::optional<core::CalloutId> after =
        std::nullopt;  ///< where a walk through the dead goes on; oldest first
    std::size_t limit = 50;
};

struct RetriedDead {
    std::int64_t count = 0;
    /// Where the next step goes on, so that one that dies again meanwhile is not taken twice.
    std::optional<core::CalloutId> last = std::nullopt;
};

struct NotificationCounts {
    core::NotificationId id;
    std::string name;
    std::int64_t pending = 0, in_flight = 0, delivered = 0, dead = 0, cancelled = 0;
};

struct StoreCounts {
    std::int64_t events = 0;
    std::vector<NotificationCounts> notifications;  ///< deleted ones under an empty name, added up
    std::optional<core::SystemTime> oldest_pending_at = std::nullopt;
};

/// What of the history is kept. Without a bound that side is unlimited.
struct HistoryBounds {
    std::optional<core::SystemTime> keep_since = std::nullopt;  ///< by when the event came in
    std::optional<std::int64_t> max_bytes = std::nullopt;       ///< of the database file in use
};

/// One step of pruning.
struct Pruned {
    std::int64_t events = 0;
    /// Where the next step goes on; empty: nothing more is out of bounds.
    std::optional<std::int64_t> resume_after = std::nullopt;
};

/// Fences a token write: refused with `kConflict` when either has moved on.
struct TokenFence {
    core::ProviderId provider;
    std::int64_t config_version = 0;
    std::int64_t invalidation_epoch = 0;
};

/// What a token operation leaves behind, written in one transaction (O-118).
struct TokenOutcome {
    TokenFence fence;
    std::optional<TokenRecord> token = std::nullopt;  ///< replaces the stored one; empty keeps it
    ProviderCondition condition = ProviderCondition::kOk;
    std::optional<ProviderError> last_error = std::nullopt;
    std::int64_t requests = 0;                        ///< added to `token_requests`
    std::optional<int> secret_in_use = std::nullopt;  ///< another secret turned out to work
    std::optional<boost::json::object> metadata = std::nullopt;  ///< learned from the issuer
};

/// Everything that is kept. One implementation owns one database; see storage/sqlite/.
///
/// Durability: a write is acknowledged (its Done is called with success, or the call returns) only
/// after it would survive power loss. Errors of kind kStorage mean: outcome unknown. Thread-safety:
/// all methods may be called concurrently. A Done runs on the writer's thread: it must not block on
/// anything but a short read of the Store. Ordering: asynchronous writes take effect in the order
/// in which they were submitted.
class Store {
public:
    virtual ~Store() = default;

    // Configuration. These block until durable; not for worker threads.

    /// Conflict `provider_exists` where the name is taken.
    [[nodiscard]] virtual core::Result<> add_provider(ProviderRecord record,
                                                      std::optional<TokenRecord> token) = 0;
    /// Reads, lets `change` alter a copy, writes, in one transaction. `change` must be repeatable.
    /// With `drop_token` set by `change`, the access token goes and the invalidation epoch grows; a
    /// refresh token is a credential and stays unless `change` clears or replaces `token`. What
    /// `token` then holds is stored. Name, id and `created_at` never change; the store sets
    /// `updated_at`.
    struct ProviderEdit {
        ProviderRecord record;
        std::optional<TokenRecord> token;
        bool drop_token = false;
    };
    [[nodiscard]] virtual core::Result<ProviderRecord> edit_provider(
        std::string_view name, std::function<core::Result<>(ProviderEdit&)> change) = 0;
    /// Conflict `provider_in_use` with details {notifications: [names], unfinished_callouts: n}.
    [[nodiscard]] virtual core::Result<> delete_provider(std::string_view name) = 0;
    [[nodiscard]] virtual core::Result<std::vector<ProviderRecord>> providers() = 0;
    [[nodiscard]] virtual core::Result<ProviderRecord> provider(std::string_view name) = 0;
    /// Names of the notifications that refer to it.
    [[nodiscard]] virtual core::Result<std::vector<std::string>> provider_users(
        core::ProviderId id) = 0;
    [[nodiscard]] virtual core::Result<std::optional<TokenRecord>> token(core::ProviderId id) = 0;

    /// Conflict `notification_exists`; `not_found` where its provider is gone. `auth` names the
    /// provider by id.
    [[nodiscard]] virtual core::Result<> add_notification(NotificationRecord record) = 0;
    /// As edit_provider. Pending callouts go with the new provider, attempts in flight end with
    /// theirs.
    [[nodiscard]] virtual core::Result<NotificationRecord> edit_notification(
        std::string_view name, std::function<core::Result<>(NotificationRecord&)> change) = 0;
    /// Conflict `notification_in_use` with details {unfinished_callouts: n} unless
    /// `cancel_pending`, which cancels what is pending in small steps; what is in flight is then a
    /// conflict too.
    [[nodiscard]] virtual core::Result<> delete_notification(std::string_view name,
                                                             bool cancel_pending) = 0;
    [[nodiscard]] virtual core::Result<std::vector<NotificationRecord>> notifications() = 0;
    [[nodiscard]] virtual core::Result<NotificationRecord> notification(std::string_view name) = 0;
    /// Grows with every change of a notification or provider. Lock-free.
    [[nodiscard]] virtual std::int64_t catalogue_version() const noexcept = 0;

    // Tokens. Asynchronous: called on the token thread.

    virtual void save_token_outcome(TokenOutcome outcome, core::Done<> done) = 0;
    /// Durable note that the refresh token with this fingerprint is about to be presented (O-119,
    /// O-120). Cleared by save_token_outcome. Done with whether such a note for it was there
    /// already.
    virtual void note_refresh_started(TokenFence fence, std::string fingerprint,
                                      core::Done<bool> done) = 0;
    /// Drops the stored token, sets kRevoked, grows the epoch and queues `pending`, in one
    /// transaction. Done with the new epoch.
    virtual void revoke_token(core::ProviderId id, std::vector<PendingRevocation> pending,
                              core::Done<std::int64_t> done) = 0;
    virtual void queue_revocation(PendingRevocation pending, core::Done<> done) = 0;
    /// Removes one that is done, or moves its next try.
    virtual void finish_revocation(std::int64_t id, std::optional<core::SystemTime> next_try_at,
                                   core::Done<> done) = 0;
    [[nodiscard]] virtual core::Result<std::vector<PendingRevocation>> pending_revocations() = 0;

    // Events and callouts. Asynchronous, group-committed.

    virtual void append_event(NewEvent event, core::Done<AppendResult> done) = 0;
    /// Marks due callouts of one notification in flight and returns them.
    virtual void claim_due(core::NotificationId notification, core::SystemTime now,
                           ClaimLimits limits, core::Done<Claim> done) = 0;
    /// One callout's attempts (two where a 401 was resent) and its next state. May wait a moment
    /// for others to be committed with. Done with whether a callout of the same order key is due
    /// now.
    virtual void record_attempt(std::vector<AttemptRecord> attempts, CalloutUpdate update,
                                core::Done<bool> done) = 0;
    /// New states without an attempt: given back to the backlog, parked, cancelled. Never counts as
    /// an attempt. Done as record_attempt.
    virtual void update_callouts(std::vector<CalloutUpdate> updates, core::Done<bool> done) = 0;
    /// Deletes some of the oldest events out of bounds, with their callouts and attempts: those
    /// whose callouts are all finished. A small step, so that nobody waits for it; `resume_after`
    /// is what the step before returned, 0 at the beginning of a walk.
    virtual void prune_history(HistoryBounds bounds, std::int64_t resume_after,
                               core::Done<Pruned> done) = 0;
    /// At start: everything in flight gets an attempt `unknown_crash` and is due at `now`. Returns
    /// how many.
    [[nodiscard]] virtual core::Result<std::int64_t> recover_in_flight(core::SystemTime now) = 0;

    /// A dead, cancelled or pending callout becomes due now, with its attempts counted on and its
    /// schedule begun anew. Conflict `callout_in_flight`, `callout_delivered`, or `not_found` with
    /// its notification gone.
    [[nodiscard]] virtual core::Result<CalloutRecord> retry_callout(core::CalloutId id,
                                                                    core::SystemTime now) = 0;
    /// Up to `limit` dead callouts that match, oldest first and behind `filter.after`, made due;
    /// `dry_run` only counts all.
    [[nodiscard]] virtual core::Result<RetriedDead> retry_dead(const CalloutFilter& filter,
                                                               core::SystemTime now,
                                                               std::size_t limit, bool dry_run) = 0;
    /// Conflict `callout_in_flight` while an attempt runs; `callout_finished` when it is over.
    [[nodiscard]] virtual core::Result<CalloutRecord> cancel_callout(core::CalloutId id) = 0;

    // Reading history. Blocking, on a read-only connection.

    [[nodiscard]] virtual core::Result<EventRecord> event(core::EventId id) = 0;
    [[nodiscard]] virtual core::Result<std::vector<CalloutRecord>> callouts_of(
        core::EventId id) = 0;
    [[nodiscard]] virtual core::Result<CalloutRecord> callout(core::CalloutId id) = 0;
    [[nodiscard]] virtual core::Result<std::vector<AttemptRecord>> attempts_of(
        core::CalloutId id) = 0;
    [[nodiscard]] virtual core::Result<std::vector<CalloutRecord>> list_callouts(
        const CalloutFilter& filter) = 0;
    [[nodiscard]] virtual core::Result<StoreCounts> counts() = 0;

    /// A consistent, synced copy under its final name, readable with the same key ring. 0600.
    [[nodiscard]] virtual core::Result<> backup(const std::string& path) = 0;
    /// Seals everything again under the key ring's newest key. Restartable. Returns the rows
    /// resealed.
    [[nodiscard]] virtual core::Result<std::int64_t> reseal() = 0;

    /// Stops taking writes, finishes those that wait, checkpoints. Idempotent.
    virtual void close() = 0;
};

}  // namespace herald::storage
