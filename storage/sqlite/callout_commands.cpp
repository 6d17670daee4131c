#include "storage/sqlite/callout_commands.h"

#include "storage/sqlite/callout_life.h"
#include "storage/sqlite/callout_rows.h"
#include "storage/sqlite/hot_statements.h"
#include "storage/sqlite/notification_rows.h"

namespace herald::storage::sqlite {
namespace {

struct Claimed {
    core::CalloutId id;
    core::NotificationId notification;
    int attempts = 0;
    int failures = 0;
    int crashes = 0;
    core::StoredTime received_at;
};

std::vector<Claimed> some_claimed(Connection& db, core::StoredTime now) {
    std::vector<Claimed> found;
    auto row = db.query(kClaimedCallouts, now, kStep);
    while (row.next()) {
        Claimed one;
        one.id = row.take<core::CalloutId>();
        one.notification = row.take<core::NotificationId>();
        one.attempts = row.take<int>();
        one.failures = row.take<int>();
        one.crashes = row.take<int>();
        one.received_at = row.take<core::StoredTime>();
        found.push_back(one);
    }
    return found;
}

/// Nothing had left: as if it had never been claimed, and still the oldest.
CalloutUpdate given_back(const Claimed& callout) {
    return {.id = callout.id,
            .notification = callout.notification,
            .state = CalloutState::kPending,
            .reason = std::nullopt,
            .due_at = callout.received_at,
            .attempts = callout.attempts,
            .failures = callout.failures,
            .crashes = callout.crashes};
}

/// A request may have left, and nobody knows what became of it.
CalloutUpdate in_doubt(const Claimed& callout, core::StoredTime now, bool exact) {
    CalloutUpdate update = given_back(callout);
    update.attempts = callout.attempts + 1;
    update.due_at = now;
    update.reason = "unknown_crash";
    // Where the machine went down too, that says nothing about this callout.
    if (exact) update.crashes = callout.crashes + 1;
    if (update.crashes < kMostCrashes) return update;
    update.state = CalloutState::kDead;
    update.due_at.reset();
    update.reason = "crash_loop";
    return update;
}

void recover(WriteSession& session, const Claimed& callout, core::StoredTime now,
             Recovered& recovered) {
    CalloutUpdate update = given_back(callout);
    if (session.marks.contains(callout.id)) {
        update = in_doubt(callout, now, recovered.exact);
        AttemptRecord unknown;
        unknown.callout = callout.id;
        unknown.number = update.attempts;
        unknown.started_at = now;
        unknown.outcome = AttemptOutcome::kUnknownCrash;
        insert_attempt(session.db, unknown);
        ++(update.state == CalloutState::kDead ? recovered.crash_loops : recovered.sent_again);
    } else {
        ++recovered.given_back;
    }
    if (!move(session, CalloutState::kClaimed, update).done) {
        throw Failure::damage("the index callout_claimed names callout " + callout.id.text() +
                              ", which is not claimed");
    }
}

// The latest first: those made due fall out of the range, wherever the walk stands.
constexpr Sql kWaiting =
    "SELECT id FROM callout INDEXED BY callout_pending WHERE notification_id = ? AND state = 0"
    " AND queue = +? AND due_at > ? ORDER BY due_at DESC LIMIT ?";
constexpr Sql kCountWaiting =
    "SELECT count(*) FROM callout INDEXED BY callout_pending WHERE notification_id = ?"
    " AND state = 0 AND queue = +? AND due_at > ?";

/// Its attempts are counted on, its schedule begins anew.
void make_due(WriteSession& session, const CalloutRecord& callout, core::StoredTime now) {
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

Refusal in_flight(const CalloutRecord& callout, std::string_view doing) {
    return Refusal(conflict("callout_in_flight",
                            std::string(doing) + " callout " + callout.id.text() +
                                ": an attempt is under way; try again when it has ended"));
}

}  // namespace

Recovered recover_some(WriteSession& session, core::StoredTime now) {
    Recovered recovered{.exact = session.marks.complete()};
    for (const Claimed& callout : some_claimed(session.db, now))
        recover(session, callout, now, recovered);
    return recovered;
}

std::int64_t begin_lease(WriteSession& session, std::string_view owner, core::StoredTime now) {
    session.db.run("DELETE FROM lease");
    session.db.run("INSERT INTO lease (number, owner, taken_at) VALUES (?, ?, ?)",
                   session.lease + 1, owner, now);
    // Where this is rolled back a number is left out, which harms nobody.
    return ++session.lease;
}

CalloutRecord retry(WriteSession& session, const core::CalloutId& id, core::StoredTime now) {
    const CalloutRecord callout = existing(session.db, id);
    if (callout.state == CalloutState::kClaimed) throw in_flight(callout, "retry");
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
    const bool claimed = callout.state == CalloutState::kClaimed;
    if (claimed && !session.marks.withdraw(id)) throw in_flight(callout, "cancel");
    if (!claimed && callout.state != CalloutState::kPending) {
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
                              core::StoredTime now) {
    std::int64_t retried = 0;
    for (const CalloutRecord& callout : find_callouts(session.db, ids)) {
        if (callout.state != CalloutState::kDead) continue;
        if (!notification_exists(session.db, *callout.notification)) continue;
        make_due(session, callout, now);
        ++retried;
    }
    return retried;
}

std::int64_t retry_some_waiting(WriteSession& session, const core::NotificationId& notification,
                                core::StoredTime now, std::size_t limit) {
    std::vector<core::CalloutId> ids;
    for (const Queue queue : {Queue::kRetries, Queue::kFirstTries}) {
        auto row = session.db.query(kWaiting, notification, queue, now, limit - ids.size());
        while (row.next()) ids.push_back(row.take<core::CalloutId>());
    }
    for (const CalloutRecord& callout : find_callouts(session.db, ids))
        make_due(session, callout, now);
    return static_cast<std::int64_t>(ids.size());
}

std::int64_t count_waiting(Connection& db, const core::NotificationId& notification,
                           core::StoredTime now) {
    std::int64_t count = 0;
    for (const Queue queue : {Queue::kRetries, Queue::kFirstTries}) {
        auto row = db.query(kCountWaiting, notification, queue, now);
        if (row.next()) count += row.take<std::int64_t>();
    }
    return count;
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
