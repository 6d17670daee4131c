#include "storage/sqlite/callout_rows.h"

#include <algorithm>

#include "storage/sqlite/hot_statements.h"

namespace herald::storage::sqlite {
namespace {

constexpr SqlText kSelectOne = kSelectCallout + " WHERE id = ?";

/// Number first, the resend after it; unique within the callout and the same when written again.
int sequence(const AttemptRecord& attempt) {
    return attempt.number * 2 + (attempt.resend ? 1 : 0);
}

}  // namespace

core::StoredTime created_at(const core::CalloutId& id) {
    std::int64_t ms = 0;
    for (std::size_t i = 0; i < 6; ++i) ms = ms * 256 + id.bytes[i];
    return core::StoredTime(std::chrono::milliseconds(ms));
}

CalloutRecord read_callout(Query& row) {
    CalloutRecord record;
    record.id = row.take<core::CalloutId>();
    record.event = row.take<core::EventId>();
    record.notification = row.take<core::NotificationId>();
    record.notification_name = row.take<std::string>();
    record.provider_name = row.take<std::optional<std::string>>();
    record.state = row.take<CalloutState>();
    record.reason = row.take<std::optional<std::string>>();
    record.due_at = row.take<std::optional<core::StoredTime>>();
    record.attempts = row.take<int>();
    record.failures = row.take<int>();
    record.crashes = row.take<int>();
    record.claimed_at = row.take<std::optional<core::StoredTime>>();
    record.finished_at = row.take<std::optional<core::StoredTime>>();
    record.created_at = created_at(record.id);
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
        "track_id, response_excerpt"
        " FROM attempt WHERE callout_id = ? ORDER BY seq DESC LIMIT 1000",
        id);
    while (row.next()) {
        AttemptRecord attempt;
        attempt.callout = id;
        const auto seq = row.take<int>();
        attempt.number = seq / 2;
        attempt.resend = seq % 2 == 1;
        attempt.started_at = row.take<core::StoredTime>();
        attempt.duration = row.take<std::chrono::milliseconds>();
        attempt.status = row.take<std::optional<int>>();
        attempt.outcome = row.take<AttemptOutcome>();
        attempt.error = row.take<std::optional<std::string>>();
        attempt.token_generation = row.take<std::optional<std::int64_t>>();
        attempt.track_id = row.take<std::optional<std::string>>();
        attempt.response_excerpt = row.take<std::string>();
        attempts.push_back(std::move(attempt));
    }
    std::ranges::reverse(attempts);
    return attempts;
}

void insert_attempt(Connection& db, const AttemptRecord& attempt) {
    db.run(kInsertAttempt, attempt.callout, sequence(attempt), attempt.started_at, attempt.duration,
           attempt.status, attempt.outcome, attempt.error, attempt.token_generation,
           attempt.track_id, Blob{attempt.response_excerpt});
}

core::Error no_such_callout(const core::CalloutId& id) {
    return core::not_found("callout", id.text());
}

}  // namespace herald::storage::sqlite
