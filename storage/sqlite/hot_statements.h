#pragma once

#include "storage/sqlite/sql_text.h"

/// The statements on the path of every event. A test holds each against its query plan: no scan, no
/// sort. States stand as numbers because only a literal lets SQLite choose a partial index: 0
/// pending, 1 claimed, 2 delivered, 3 dead, 4 cancelled.
///
/// None of those that run once for each callout may need a statement journal, which would copy
/// every page it touches: no REPLACE, and no foreign key among the columns it changes. None may be
/// prepared again for another value, as SQLite does where the value could choose a partial index:
/// a `+` before the parameter hides it.
namespace herald::storage::sqlite {

inline constexpr Sql kFindKey = "SELECT id, type, data, callouts FROM event WHERE key = ?";

inline constexpr Sql kFindEvent =
    "SELECT id, type, data, key, occurred_at, received_at FROM event WHERE id = ?";

inline constexpr Sql kEventAt =
    "SELECT id, type, data, key, occurred_at, received_at, length(callouts) > 16 FROM event"
    " WHERE seq = ?";

inline constexpr Sql kNextEvent =
    "SELECT seq, length(data), received_at, callouts FROM event WHERE seq > ? ORDER BY seq LIMIT 1";

inline constexpr Sql kDeleteEvent = "DELETE FROM event WHERE seq = ?";
inline constexpr Sql kDeleteCallout = "DELETE FROM callout WHERE id = ?";
inline constexpr Sql kDeleteAttempts = "DELETE FROM attempt WHERE callout_id = ?";

inline constexpr Sql kInsertEvent =
    "INSERT INTO event (id, type, data, key, occurred_at, received_at, callouts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)";

inline constexpr Sql kInsertCallout =
    "INSERT INTO callout (id, event_seq, notification_id, notification_name, provider_name, state,"
    " queue, due_at, order_key, reason, lease, claimed_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// `state` comes from the row, all that selects it from the index: they differ only in a damaged
/// file.
inline constexpr Sql kDueCallouts =
    "SELECT id, event_seq, attempts, failures, due_at, crashes, +state FROM callout"
    " WHERE notification_id = ? AND state = 0 AND queue = +? AND due_at <= ?"
    " ORDER BY due_at, id LIMIT ?";

inline constexpr Sql kNextDue =
    "SELECT due_at FROM callout WHERE notification_id = ? AND state = 0 AND queue = +?"
    " ORDER BY due_at LIMIT 1";

/// What kDueCallouts found, up to and with the one at (?3, ?4), in one statement.
inline constexpr Sql kTakeCallouts =
    "UPDATE callout SET state = 1, due_at = NULL, reason = NULL, provider_name = ?5, lease = ?6,"
    " claimed_at = ?7"
    " WHERE notification_id = ?1 AND state = 0 AND queue = +?2 AND (due_at, id) <= (?3, ?4)";

inline constexpr Sql kCalloutPlace = "SELECT notification_id, state FROM callout WHERE id = ?";

inline constexpr Sql kEndCallout =
    "UPDATE callout SET state = ?3, reason = ?4, attempts = ?5, failures = ?6, due_at = NULL,"
    " crashes = ?7, finished_at = ?8 WHERE id = ?1 AND state = ?2";

inline constexpr Sql kRequeueCallout =
    "UPDATE callout SET state = 0, reason = ?3, attempts = ?4, failures = ?5, queue = ?6,"
    " due_at = ?7, crashes = ?8, finished_at = NULL WHERE id = ?1 AND state = ?2";

inline constexpr Sql kOrderKeyActive =
    "SELECT 1 FROM callout WHERE notification_id = ? AND order_key = ? AND state < 2 AND queue < 2"
    " AND id <> ? LIMIT 1";

/// In the order in which the events were accepted, which their ids do not tell.
inline constexpr Sql kNextOfOrderKey =
    "SELECT id FROM callout WHERE notification_id = ? AND order_key = ? AND state < 2"
    " AND queue = 2 ORDER BY event_seq LIMIT 1";

/// A write whose outcome was unknown may be sent again, and is the same.
inline constexpr Sql kInsertAttempt =
    "INSERT INTO attempt (callout_id, seq, started_at, duration_ms, status, outcome, "
    "error,"
    " token_generation, track_id, response_excerpt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (callout_id, seq) DO NOTHING";

inline constexpr Sql kClaimedCallouts =
    "SELECT c.id, c.notification_id, c.attempts, c.failures, c.crashes,"
    " coalesce((SELECT e.received_at FROM event e WHERE e.seq = c.event_seq), ?1)"
    " FROM notification n"
    " CROSS JOIN callout c ON c.notification_id = n.id AND c.state = 1 LIMIT ?2";

inline constexpr Sql kListDeadOrCancelled =
    "INSERT INTO dead_or_cancelled (state, callout_id, notification_name)"
    " SELECT state, id, notification_name FROM callout WHERE id = ?";

inline constexpr Sql kUnlistDeadOrCancelled =
    "DELETE FROM dead_or_cancelled WHERE state = ? AND callout_id = ?";

/// An id begins with its time. First tries are due in the order in which they came; retries are
/// not.
inline constexpr Sql kOldestPending =
    "SELECT min(oldest) FROM (SELECT (SELECT c.id FROM callout c WHERE c.notification_id = n.id"
    " AND c.state = 0 AND c.queue = q.number ORDER BY c.due_at, c.id LIMIT 1) AS oldest"
    " FROM notification n, (SELECT 0 AS number UNION ALL SELECT 2) q"
    " UNION ALL SELECT min(id) FROM callout WHERE state = 0 AND queue = 1)";

inline constexpr Sql kUnfinishedOfProvider =
    "SELECT (SELECT coalesce(sum(t.count), 0) FROM notification n JOIN tally t"
    " ON t.notification_id = n.id AND t.state < 2 WHERE n.provider_id = ?1)"
    " + (SELECT count(*) FROM callout WHERE former_provider_id = ?1)";

}  // namespace herald::storage::sqlite
