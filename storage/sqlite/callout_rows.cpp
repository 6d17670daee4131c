#include "storage/sqlite/callout_rows.h"

#include <algorithm>

#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/hot_statements.h"

namespace herald::storage::sqlite {
namespace {

constexpr SqlText kSelectOne = kSelectCallout + " WHERE id = ?";
constexpr std::size_t kMostClaimed = 4096;
constexpr std::size_t kMostClaimedBytes = 16UL * 1024 * 1024;

struct Due {
    ClaimedCallout callout;
    core::EventId event;
};

std::vector<Due> due_callouts(Connection& db, const core::NotificationId& notification,
                              core::SystemTime now, std::size_t limit) {
    std::vector<Due> due;
    auto row = db.query(kDueCallouts, notification, now, std::min(limit, kMostClaimed));
    while (row.next()) {
        Due one;
        one.callout.id = row.take<core::CalloutId>();
        one.event = row.take<core::EventId>();
        one.callout.attempts = row.take<int>();
        one.callout.failures = row.take<int>();
        due.push_back(std::move(one));
    }
    return due;
}

/// Null where the event is lost, which only damage to the file can do.
EventPtr shared_event(WriteSession& session, const core::EventId& id) {
    if (EventPtr known = session.events.find(id)) return known;
    auto event = find_event(session.db, id);
    if (!event) return nullptr;
    auto shared = std::make_shared<const EventRecord>(std::move(*event));
    session.events.keep(shared);
    return shared;
}

void bury(WriteSession& session, const core::NotificationId& notification,
          const ClaimedCallout& callout) {
    move(session, notification, CalloutState::kPending,
         {.id = callout.id,
          .state = CalloutState::kDead,
          .reason = "event_missing",
          .due_at = std::nullopt,
          .attempts = callout.attempts,
          .failures = callout.failures});
}

std::optional<core::SystemTime> next_due(Connection& db, const core::NotificationId& notification) {
    auto row = db.query(kNextDue, notification);
    if (!row.next()) return std::nullopt;
    return row.take<core::SystemTime>();
}

/// Where a callout stands before it is moved.
struct Place {
    core::NotificationId notification;
    CalloutState state;
    int attempts;
};

std::optional<Place> place_of(Connection& db, const core::CalloutId& id) {
    auto row = db.query(kCalloutPlace, id);
    if (!row.next()) return std::nullopt;
    const auto notification = row.take<core::NotificationId>();
    const auto state = row.take<CalloutState>();
    return Place{.notification = notification, .state = state, .attempts = row.take<int>()};
}

/// Number first, the resend after it; unique within the callout and the same when written again.
int sequence(const AttemptRecord& attempt) {
    return attempt.number * 2 + (attempt.resend ? 1 : 0);
}

}  // namespace

CalloutRecord read_callout(Query& row) {
    CalloutRecord record;
    record.id = row.take<core::CalloutId>();
    record.event = row.take<core::EventId>();
    record.notification = row.take<core::NotificationId>();
    record.notification_name = row.take<std::string>();
    record.provider_name = row.take<std::optional<std::string>>();
    record.state = row.take<CalloutState>();
    record.reason = row.take<std::optional<std::string>>();
    record.due_at = row.take<std::optional<core::SystemTime>>();
    record.attempts = row.take<int>();
    record.failures = row.take<int>();
    return record;
}

std::optional<CalloutRecord> find_callout(Connection& db, const core::CalloutId& id) {
    auto row = db.query(kSelectOne, id);
    if (!row.next()) return std::nullopt;
    return read_callout(row);
}

std::vector<CalloutRecord> find_callouts(Connection& db, std::span<const core::CalloutId> ids) {
    std::vector<CalloutRecord> records;
    for (const core::CalloutId& id : ids) {
        if (auto record = find_callout(db, id)) records.push_back(std::move(*record));
    }
    return records;
}

std::vector<AttemptRecord> find_attempts(Connection& db, const core::CalloutId& id) {
    std::vector<AttemptRecord> attempts;
    auto row = db.query(
        "SELECT seq, started_at, duration_ms, status, outcome, error, token_generation, "
        "response_excerpt"
        " FROM attempt WHERE callout_id = ? ORDER BY seq DESC LIMIT 1000",
        id);
    while (row.next()) {
        AttemptRecord attempt;
        attempt.callout = id;
        const auto seq = row.take<int>();
        attempt.number = seq / 2;
        attempt.resend = seq % 2 == 1;
        attempt.started_at = row.take<core::SystemTime>();
        attempt.duration = row.take<std::chrono::milliseconds>();
        attempt.status = row.take<std::optional<int>>();
        attempt.outcome = row.take<AttemptOutcome>();
        attempt.error = row.take<std::optional<std::string>>();
        attempt.token_generation = row.take<std::optional<std::int64_t>>();
        attempt.response_excerpt = row.take<std::string>();
        attempts.push_back(std::move(attempt));
    }
    std::ranges::reverse(attempts);
    return attempts;
}

Claim claim(WriteSession& session, const core::NotificationId& notification, core::SystemTime now,
            std::size_t limit) {
    Claim claim;
    std::size_t bytes = 0;
    for (Due& due : due_callouts(session.db, notification, now, limit)) {
        if (bytes >= kMostClaimedBytes) break;
        due.callout.event = shared_event(session, due.event);
        if (!due.callout.event) {
            bury(session, notification, due.callout);
            continue;
        }
        bytes += due.callout.event->data.size();
        session.db.run(kTakeCallout, due.callout.id);
        session.tally.moved(notification, CalloutState::kPending, CalloutState::kInFlight);
        claim.callouts.push_back(std::move(due.callout));
    }
    claim.next_due_at = next_due(session.db, notification);
    return claim;
}

void record(WriteSession& session, const std::vector<AttemptRecord>& attempts,
            const CalloutUpdate& update) {
    const auto place = place_of(session.db, update.id);
    if (!place) throw Refusal(no_such_callout(update.id));
    for (const AttemptRecord& attempt : attempts) insert_attempt(session.db, attempt);
    if (place->state == CalloutState::kInFlight) {
        move(session, place->notification, place->state, update);
    } else {
        // Cancelled or given back meanwhile: the request left all the same, so its number is used
        // up.
        session.db.run("UPDATE callout SET attempts = max(attempts, ?2) WHERE id = ?1", update.id,
                       update.attempts);
    }
}

void update(WriteSession& session, const CalloutUpdate& update) {
    const auto place = place_of(session.db, update.id);
    if (!place) return;
    const bool unfinished =
        place->state == CalloutState::kPending || place->state == CalloutState::kInFlight;
    if (unfinished) move(session, place->notification, place->state, update);
}

void insert_attempt(Connection& db, const AttemptRecord& attempt) {
    db.run(kInsertAttempt, attempt.callout, sequence(attempt), attempt.started_at, attempt.duration,
           attempt.status, attempt.outcome, attempt.error, attempt.token_generation,
           Blob{attempt.response_excerpt});
}

void move(WriteSession& session, const core::NotificationId& notification, CalloutState from,
          const CalloutUpdate& to) {
    switch (to.state) {
        case CalloutState::kPending:
            session.db.run(kRequeueCallout, to.id, to.reason, to.attempts, to.failures,
                           to.due_at.value_or(session.clock.system_now()));
            break;
        case CalloutState::kInFlight:
            session.db.run(kTakeCallout, to.id);
            break;
        case CalloutState::kDelivered:
        case CalloutState::kDead:
        case CalloutState::kCancelled:
            session.db.run(kEndCallout, to.id, to.state, to.reason, to.attempts, to.failures);
            break;
    }
    if (from != to.state) session.tally.moved(notification, from, to.state);
}

core::Error no_such_callout(const core::CalloutId& id) {
    return core::not_found("callout", id.text());
}

}  // namespace herald::storage::sqlite
