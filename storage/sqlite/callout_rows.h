#pragma once

#include <optional>
#include <span>
#include <vector>

#include "storage/sqlite/write_session.h"
#include "storage/store.h"

/// Callouts and their attempts as rows. Everything here may throw Failure.
namespace herald::storage::sqlite {

/// The columns that `read_callout` expects, in order.
inline constexpr SqlText kSelectCallout =
    "SELECT id, coalesce((SELECT e.id FROM event e WHERE e.seq = event_seq), zeroblob(16)), "
    "notification_id,"
    " notification_name, CASE state WHEN 0 THEN (SELECT p.name FROM notification n JOIN provider p"
    " ON p.id = n.provider_id WHERE n.id = notification_id) ELSE provider_name END, state, reason,"
    " due_at, attempts, failures, crashes, claimed_at, finished_at FROM callout";
/// An id begins with its time.
[[nodiscard]] core::StoredTime created_at(const core::CalloutId& id);
[[nodiscard]] CalloutRecord read_callout(Query& row);

[[nodiscard]] std::optional<CalloutRecord> find_callout(Connection& db, const core::CalloutId& id);
/// Those of `ids` that exist, in their order.
[[nodiscard]] std::vector<CalloutRecord> find_callouts(Connection& db,
                                                       std::span<const core::CalloutId> ids);
[[nodiscard]] std::vector<AttemptRecord> find_attempts(Connection& db, const core::CalloutId& id);

void insert_attempt(Connection& db, const AttemptRecord& attempt);

[[nodiscard]] core::Error no_such_callout(const core::CalloutId& id);

}  // namespace herald::storage::sqlite
