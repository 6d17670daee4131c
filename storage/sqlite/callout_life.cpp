#include "storage/sqlite/callout_life.h"

#include <algorithm>

#include "storage/sqlite/callout_rows.h"
#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/hot_statements.h"

namespace herald::storage::sqlite {
namespace {

constexpr const char* kOrdered = "ordered";  // the reason of those behind their key

/// Where a callout stands before it is moved.
struct Place {
    core::NotificationId notification;
    CalloutState state;
};

std::optional<Place> place_of(Connection& db, const core::CalloutId& id) {
    auto row = db.query(kCalloutPlace, id);
    if (!row.next()) return std::nullopt;
    const auto notification = row.take<core::NotificationId>();
    return Place{.notification = notification, .state = row.take<CalloutState>()};
}

bool is_dead_or_cancelled(CalloutState state) {
    return state == CalloutState::kDead || state == CalloutState::kCancelled;
}

/// Empty where it has none.
std::string order_key_of(WriteSession& session, const core::CalloutId& id) {
    if (!session.has_order_keys()) return {};
    auto row = session.db.query("SELECT coalesce(order_key, x'') FROM callout WHERE id = ?", id);
    return row.next() ? row.take<std::string>() : std::string();
}

/// Whoever waits behind a key waits for the one that is active.
bool is_active(Connection& db, const core::NotificationId& notification, std::string_view key,
               const core::CalloutId& other_than) {
    return db.query(kOrderKeyActive, notification, Blob{key}, other_than).next();
}

std::optional<core::CalloutId> next_of(Connection& db, const core::NotificationId& notification,
                                       std::string_view key) {
    auto row = db.query(kNextOfOrderKey, notification, Blob{key});
    if (!row.next()) return std::nullopt;
    return row.take<core::CalloutId>();
}

bool release_next(WriteSession& session, const core::NotificationId& notification,
                  std::string_view key) {
    const auto next = next_of(session.db, notification, key);
    if (!next) return false;
    session.db.run("UPDATE callout SET queue = attempts > 0, reason = NULL WHERE id = ?", *next);
    return true;
}

Queue queue_of(WriteSession& session, CalloutState from, const CalloutUpdate& update) {
    // One that was claimed keeps its turn; any other lines up behind the active one.
    if (from != CalloutState::kClaimed) {
        const std::string key = order_key_of(session, update.id);
        if (!key.empty() && is_active(session.db, update.notification, key, update.id))
            return Queue::kBehindItsKey;
    }
    return update.attempts > 0 ? Queue::kRetries : Queue::kFirstTries;
}

/// The provider of an attempt that has ended.
void let_go_of_former_provider(WriteSession& session, const core::CalloutId& id) {
    if (!session.has_former_providers()) return;
    session.db.run(
        "UPDATE callout SET former_provider_id = NULL"
        " WHERE id = ? AND former_provider_id IS NOT NULL",
        id);
}

bool write_state(WriteSession& session, CalloutState from, const CalloutUpdate& to) {
    if (from == CalloutState::kClaimed) let_go_of_former_provider(session, to.id);
    if (to.state != CalloutState::kPending) {
        return session.db.run(kEndCallout, to.id, from, to.state, to.reason, to.attempts,
                              to.failures, to.crashes, session.clock.stored_now()) == 1;
    }
    const Queue queue = queue_of(session, from, to);
    const auto reason =
        queue == Queue::kBehindItsKey ? std::optional<std::string>(kOrdered) : to.reason;
    return session.db.run(kRequeueCallout, to.id, from, reason, to.attempts, to.failures, queue,
                          to.due_at.value_or(session.clock.stored_now()), to.crashes) == 1;
}

}  // namespace

bool is_end(CalloutState state) {
    return state == CalloutState::kDelivered || is_dead_or_cancelled(state);
}

Moved move(WriteSession& session, CalloutState from, const CalloutUpdate& to) {
    Moved moved{.done = write_state(session, from, to)};
    if (!moved.done) return moved;
    if (is_dead_or_cancelled(from)) session.db.run(kUnlistDeadOrCancelled, from, to.id);
    if (is_dead_or_cancelled(to.state)) session.db.run(kListDeadOrCancelled, to.id);
    session.tally.moved(to.notification, from, to.state);
    if (is_end(to.state)) {
        const std::string key = order_key_of(session, to.id);
        // A callout that waits behind another one may be cancelled: then nobody's turn comes.
        moved.next_is_due = !key.empty() && !is_active(session.db, to.notification, key, to.id) &&
                            release_next(session, to.notification, key);
    }
    return moved;
}

void insert_callout(WriteSession& session, const NewCallout& callout, std::int64_t event_seq,
                    core::StoredTime now) {
    const auto state = callout.claimed ? CalloutState::kClaimed : CalloutState::kPending;
    std::optional<core::StoredTime> due_at;
    std::optional<core::StoredTime> claimed_at;
    (callout.claimed ? claimed_at : due_at) = now;
    std::optional<Blob> key;
    auto queue = Queue::kFirstTries;
    if (!callout.order_key.empty()) {
        key = Blob{callout.order_key};
        session.note_order_keys();
        if (is_active(session.db, callout.notification, key->bytes, callout.id))
            queue = Queue::kBehindItsKey;
    }
    const auto reason =
        queue == Queue::kBehindItsKey ? std::optional<std::string_view>(kOrdered) : std::nullopt;
    session.db.run(kInsertCallout, callout.id, event_seq, callout.notification,
                   callout.notification_name, callout.provider_name, state, queue, due_at, key,
                   reason, callout.claimed ? session.lease : 0, claimed_at);
    session.tally.created(callout.notification, state);
}

Moved record(WriteSession& session, const CalloutOutcome& outcome) {
    const CalloutUpdate& update = outcome.update;
    const Moved moved = move(session, CalloutState::kClaimed, update);
    if (!moved.done) {
        if (!place_of(session.db, update.id)) throw Refusal(no_such_callout(update.id));
        // Cancelled or given back meanwhile: the request left all the same, so its number is used
        // up.
        session.db.run("UPDATE callout SET attempts = max(attempts, ?2) WHERE id = ?1", update.id,
                       update.attempts);
    }
    for (const AttemptRecord& attempt : outcome.attempts) insert_attempt(session.db, attempt);
    session.note_over(update.id);
    return moved;
}

Moved update(WriteSession& session, CalloutUpdate update) {
    session.note_over(update.id);
    const auto place = place_of(session.db, update.id);
    if (!place || is_end(place->state)) return {};
    update.notification = place->notification;
    return move(session, place->state, update);
}

namespace {

constexpr std::size_t kMostClaimed = 4096;

struct Due {
    ClaimedCallout callout;
    std::int64_t event_seq = 0;
    core::StoredTime due_at;
    CalloutState state = CalloutState::kPending;  ///< as the row has it
};

[[noreturn]] void damaged(const core::NotificationId& notification, std::string_view what) {
    throw Failure::damage("the index callout_pending of notification " + notification.text() + " " +
                          std::string(what));
}

class Claiming final {
public:
    Claiming(WriteSession& session, const core::NotificationId& notification, core::StoredTime now,
             std::size_t most_bytes)
        : session_(session), notification_(notification), now_(now), most_bytes_(most_bytes) {}

    void take(Queue queue, std::size_t limit) {
        std::vector<Due> due = due_in(queue, limit);
        const bool all_seen = due.size() < std::min(limit, kMostClaimed);
        std::size_t taken = 0;
        while (taken < due.size() && bytes_ < most_bytes_) {
            ClaimedCallout& callout = due[taken].callout;
            callout.event = shared_event(due[taken].event_seq);
            if (callout.event) bytes_ += callout.event->data.size();
            ++taken;
        }
        if (all_seen && taken == due.size()) exhausted_.push_back(queue);
        if (taken == 0) return;
        due.resize(taken);
        const std::int64_t marked =
            session_.db.run(kTakeCallouts, notification_, queue, due.back().due_at,
                            due.back().callout.id, provider_name(), session_.lease, now_);
        if (!std::cmp_equal(marked, due.size())) damaged(notification_, "led to other rows");
        session_.tally.moved(notification_, CalloutState::kPending, CalloutState::kClaimed, marked);
        for (Due& one : due) {
            one.callout.event ? claim_.callouts.push_back(std::move(one.callout))
                              : bury(one.callout);
        }
    }

    [[nodiscard]] Claim finish() {
        session_.note_event_bytes_read(bytes_);
        claim_.next_first_try_at = next_in(Queue::kFirstTries);
        claim_.next_retry_at = next_in(Queue::kRetries);
        for (const Queue queue : exhausted_) {
            const auto& next =
                queue == Queue::kRetries ? claim_.next_retry_at : claim_.next_first_try_at;
            if (next && *next <= now_) damaged(notification_, "names callouts that are not there");
        }
        return std::move(claim_);
    }

private:
    std::vector<Due> due_in(Queue queue, std::size_t limit) {
        std::vector<Due> due;
        auto row = session_.db.query(kDueCallouts, notification_, queue, now_,
                                     std::min(limit, kMostClaimed));
        while (row.next()) {
            Due one;
            one.callout.id = row.take<core::CalloutId>();
            one.event_seq = row.take<std::int64_t>();
            one.callout.attempts = row.take<int>();
            one.callout.failures = row.take<int>();
            one.due_at = row.take<core::StoredTime>();
            one.callout.crashes = row.take<int>();
            one.state = row.take<CalloutState>();
            if (one.state != CalloutState::kPending)
                damaged(notification_, "names callouts that are not pending");
            due.push_back(std::move(one));
        }
        return due;
    }

    /// Null where the event is lost, which only damage to the file can do.
    EventPtr shared_event(std::int64_t seq) {
        if (EventPtr known = session_.events.find(seq)) return known;
        auto event = find_event_at(session_.db, seq);
        if (!event) return nullptr;
        auto shared = std::make_shared<const EventRecord>(std::move(event->record));
        if (event->has_several_callouts) session_.events.keep(seq, shared);
        return shared;
    }

    std::optional<std::string> provider_name() {
        auto row = session_.db.query(
            "SELECT p.name FROM notification n JOIN provider p ON p.id = n.provider_id"
            " WHERE n.id = ?",
            notification_);
        if (!row.next()) return std::nullopt;
        return row.take<std::string>();
    }

    void bury(const ClaimedCallout& callout) {
        move(session_, CalloutState::kClaimed,
             {.id = callout.id,
              .notification = notification_,
              .state = CalloutState::kDead,
              .reason = "event_missing",
              .due_at = std::nullopt,
              .attempts = callout.attempts,
              .failures = callout.failures});
    }

    std::optional<core::StoredTime> next_in(Queue queue) {
        auto row = session_.db.query(kNextDue, notification_, queue);
        if (!row.next()) return std::nullopt;
        return row.take<core::StoredTime>();
    }

    WriteSession& session_;
    const core::NotificationId& notification_;
    const core::StoredTime now_;
    const std::size_t most_bytes_;
    Claim claim_;
    std::vector<Queue> exhausted_;  ///< of which everything due was found
    std::size_t bytes_ = 0;
};

}  // namespace

Claim claim(WriteSession& session, const core::NotificationId& notification, core::StoredTime now,
            const ClaimLimits& limits) {
    Claiming claiming(session, notification, now, limits.bytes);
    if (limits.first_tries > 0) claiming.take(Queue::kFirstTries, limits.first_tries);
    if (limits.retries > 0) claiming.take(Queue::kRetries, limits.retries);
    return claiming.finish();
}

}  // namespace herald::storage::sqlite
