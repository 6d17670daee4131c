#include "storage/sqlite/callout_moves.h"

#include "storage/sqlite/callout_rows.h"
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

bool is_undelivered(CalloutState state) {
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
    // One in flight keeps its turn; any other lines up behind the active one.
    if (from != CalloutState::kInFlight) {
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
    if (from == CalloutState::kInFlight) let_go_of_former_provider(session, to.id);
    if (to.state != CalloutState::kPending) {
        return session.db.run(kEndCallout, to.id, from, to.state, to.reason, to.attempts,
                              to.failures) == 1;
    }
    const Queue queue = queue_of(session, from, to);
    const auto reason =
        queue == Queue::kBehindItsKey ? std::optional<std::string>(kOrdered) : to.reason;
    return session.db.run(kRequeueCallout, to.id, from, reason, to.attempts, to.failures, queue,
                          to.due_at.value_or(session.clock.system_now())) == 1;
}

}  // namespace

bool is_end(CalloutState state) {
    return state != CalloutState::kPending && state != CalloutState::kInFlight;
}

Moved move(WriteSession& session, CalloutState from, const CalloutUpdate& to) {
    Moved moved{.done = write_state(session, from, to)};
    if (!moved.done) return moved;
    if (is_undelivered(from)) session.db.run(kUnlistUndelivered, from, to.id);
    if (is_undelivered(to.state)) session.db.run(kListUndelivered, to.id);
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
                    core::SystemTime now) {
    const auto state = callout.in_flight ? CalloutState::kInFlight : CalloutState::kPending;
    std::optional<core::SystemTime> due_at;
    if (!callout.in_flight) due_at = now;
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
                   reason);
    session.tally.created(callout.notification, state);
}

Moved record(WriteSession& session, const std::vector<AttemptRecord>& attempts,
             const CalloutUpdate& update) {
    const Moved moved = move(session, CalloutState::kInFlight, update);
    if (!moved.done) {
        if (!place_of(session.db, update.id)) throw Refusal(no_such_callout(update.id));
        // Cancelled or given back meanwhile: the request left all the same, so its number is used
        // up.
        session.db.run("UPDATE callout SET attempts = max(attempts, ?2) WHERE id = ?1", update.id,
                       update.attempts);
    }
    for (const AttemptRecord& attempt : attempts) insert_attempt(session.db, attempt);
    return moved;
}

Moved update(WriteSession& session, CalloutUpdate update) {
    const auto place = place_of(session.db, update.id);
    if (!place || is_end(place->state)) return {};
    update.notification = place->notification;
    return move(session, place->state, update);
}

}  // namespace herald::storage::sqlite
