#include "storage/sqlite/callout_commands.h"

#include "storage/sqlite/callout_moves.h"
#include "storage/sqlite/callout_rows.h"
#include "storage/sqlite/hot_statements.h"
#include "storage/sqlite/notification_rows.h"

namespace herald::storage::sqlite {
namespace {

struct InFlight {
    core::CalloutId id;
    core::NotificationId notification;
    int attempts = 0;
    int failures = 0;
};

std::vector<InFlight> some_in_flight(Connection& db) {
    std::vector<InFlight> found;
    auto row = db.query(kInFlightCallouts, kStep);
    while (row.next()) {
        InFlight one;
        one.id = row.take<core::CalloutId>();
        one.notification = row.take<core::NotificationId>();
        one.attempts = row.take<int>();
        one.failures = row.take<int>();
        found.push_back(one);
    }
    return found;
}

void recover(WriteSession& session, const InFlight& callout, core::SystemTime now) {
    AttemptRecord unknown;
    unknown.callout = callout.id;
    unknown.number = callout.attempts + 1;
    unknown.started_at = now;
    unknown.outcome = AttemptOutcome::kUnknownCrash;
    insert_attempt(session.db, unknown);
    move(session, CalloutState::kInFlight,
         {.id = callout.id,
          .notification = callout.notification,
          .state = CalloutState::kPending,
          .reason = "unknown_crash",
          .due_at = now,
          .attempts = callout.attempts + 1,
          .failures = callout.failures});
}

/// Its attempts are counted on, its schedule begins anew.
void make_due(WriteSession& session, const CalloutRecord& callout, core::SystemTime now) {
    move(session, callout.state,
         {.id = callout.id,
          .notification = *callout.notification,
          .state = CalloutState::kPending,
          .reason = std::nullopt,
          .due_at = now,
          .attempts = callout.attempts,
          .failures = 0});
}

CalloutRecord existing(Connection& db, const core::CalloutId& id) {
    auto callout = find_callout(db, id);
    if (!callout) throw Refusal(no_such_callout(id));
    return std::move(*callout);
}

void refuse_in_flight(const CalloutRecord& callout, std::string_view doing) {
    if (callout.state != CalloutState::kInFlight) return;
    throw Refusal(conflict("callout_in_flight",
                           std::string(doing) + " callout " + callout.id.text() +
                               ": an attempt is under way; try again when it has ended"));
}

}  // namespace

std::int64_t recover_some(WriteSession& session, core::SystemTime now) {
    const auto in_flight = some_in_flight(session.db);
    for (const InFlight& callout : in_flight) recover(session, callout, now);
    return static_cast<std::int64_t>(in_flight.size());
}

CalloutRecord retry(WriteSession& session, const core::CalloutId& id, core::SystemTime now) {
    const CalloutRecord callout = existing(session.db, id);
    refuse_in_flight(callout, "retry");
    if (callout.state == CalloutState::kDelivered) {
        throw Refusal(
            conflict("callout_delivered", "retry callout " + id.text() + ": it was delivered"));
    }
    if (!notification_exists(session.db, *callout.notification)) {
        throw Refusal(core::not_found("notification", callout.notification_name));
    }
    make_due(session, callout, now);
    return existing(session.db, id);
}

CalloutRecord cancel(WriteSession& session, const core::CalloutId& id) {
    const CalloutRecord callout = existing(session.db, id);
    refuse_in_flight(callout, "cancel");
    if (callout.state != CalloutState::kPending) {
        throw Refusal(conflict("callout_finished", "cancel callout " + id.text() + ": it is " +
                                                       std::string(to_string(callout.state)) +
                                                       " already"));
    }
    move(session, callout.state,
         {.id = id,
          .notification = *callout.notification,
          .state = CalloutState::kCancelled,
          .reason = std::nullopt,
          .due_at = std::nullopt,
          .attempts = callout.attempts,
          .failures = callout.failures});
    return existing(session.db, id);
}

std::int64_t retry_those_dead(WriteSession& session, const std::vector<core::CalloutId>& ids,
                              core::SystemTime now) {
    std::int64_t retried = 0;
    for (const CalloutRecord& callout : find_callouts(session.db, ids)) {
        if (callout.state != CalloutState::kDead) continue;
        if (!notification_exists(session.db, *callout.notification)) continue;
        make_due(session, callout, now);
        ++retried;
    }
    return retried;
}

std::int64_t cancel_some_pending(WriteSession& session, const core::NotificationId& notification) {
    std::vector<core::CalloutId> ids;
    {
        auto row = session.db.query(
            "SELECT id FROM callout WHERE notification_id = ? AND state = 0 LIMIT ?", notification,
            kStep);
        while (row.next()) ids.push_back(row.take<core::CalloutId>());
    }
    for (const CalloutRecord& callout : find_callouts(session.db, ids)) {
        move(session, CalloutState::kPending,
             {.id = callout.id,
              .notification = notification,
              .state = CalloutState::kCancelled,
              .reason = std::nullopt,
              .due_at = std::nullopt,
              .attempts = callout.attempts,
              .failures = callout.failures});
    }
    return static_cast<std::int64_t>(ids.size());
}

std::int64_t count_unfinished(WriteSession& session, const core::NotificationId& notification) {
    session.tally.write(session.db);
    auto row = session.db.query(
        "SELECT coalesce(sum(count), 0) FROM tally WHERE notification_id = ? AND state < 2",
        notification);
    return row.next() ? row.take<std::int64_t>() : 0;
}

}  // namespace herald::storage::sqlite
