#pragma once

#include "storage/sqlite/sql_text.h"

/// The statements on the path of every event. A test holds each against its query plan: no scan, no
/// sort. States stand as numbers because only a literal lets SQLite choose a partial index: 0
/// pending, 1 in flight, 2 delivered, 3 dead, 4 cancelled.
namespace herald::storage::sqlite {

inline constexpr Sql kFindKey = "SELECT id, type, data, callouts FROM event WHERE key = ?";

inline constexpr Sql kFindEvent =
    "SELECT id, type, data, key, occurred_at, received_at FROM event WHERE id = ?";

inline constexpr Sql kInsertEvent =
    "INSERT INTO event (id, type, data, key, occurred_at, received_at, callouts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)";

inline constexpr Sql kInsertCallout =
    "INSERT INTO callout (id, event_id, notification_id, notification_name, provider_id, "
    "provider_name,"
    " state, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

inline constexpr Sql kDueCallouts =
    "SELECT id, event_id, attempts, failures FROM callout"
    " WHERE notification_id = ? AND state = 0 AND due_at <= ? ORDER BY due_at, id LIMIT ?";

inline constexpr Sql kNextDue =
    "SELECT due_at FROM callout WHERE notification_id = ? AND state = 0 ORDER BY due_at LIMIT 1";

inline constexpr Sql kTakeCallout =
    "UPDATE callout SET state = 1, due_at = NULL, reason = NULL WHERE id = ?";

inline constexpr Sql kCalloutPlace =
    "SELECT notification_id, state, attempts FROM callout WHERE id = ?";

inline constexpr Sql kEndCallout =
    "UPDATE callout SET state = ?2, reason = ?3, attempts = ?4, failures = ?5, due_at = NULL,"
    " provider_id = NULL WHERE id = ?1";

/// Binds it to its notification's provider of today.
inline constexpr Sql kRequeueCallout =
    "UPDATE callout SET state = 0, reason = ?2, attempts = ?3, failures = ?4, due_at = ?5,"
    " (provider_id, provider_name) = (SELECT p.id, p.name FROM notification n"
    " LEFT JOIN provider p ON p.id = n.provider_id WHERE n.id = callout.notification_id) WHERE id "
    "= ?1";

/// A write whose outcome was unknown may be sent again, hence OR REPLACE.
inline constexpr Sql kInsertAttempt =
    "INSERT OR REPLACE INTO attempt (callout_id, seq, started_at, duration_ms, status, outcome, "
    "error,"
    " token_generation, response_excerpt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

inline constexpr Sql kInFlightCallouts =
    "SELECT c.id, c.notification_id, c.attempts, c.failures FROM notification n"
    " CROSS JOIN callout c ON c.notification_id = n.id AND c.state = 1 LIMIT ?";

inline constexpr Sql kOldestPending =
    "SELECT min(oldest) FROM (SELECT (SELECT c.due_at FROM callout c"
    " WHERE c.notification_id = n.id AND c.state = 0 ORDER BY c.due_at LIMIT 1) AS oldest FROM "
    "notification n)";

}  // namespace herald::storage::sqlite
