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
    "SELECT id, event_id, notification_id, notification_name, provider_name, state, reason, "
    "due_at, attempts,"
    " failures FROM callout";
[[nodiscard]] CalloutRecord read_callout(Query& row);

[[nodiscard]] std::optional<CalloutRecord> find_callout(Connection& db, const core::CalloutId& id);
/// Those of `ids` that exist, in their order.
[[nodiscard]] std::vector<CalloutRecord> find_callouts(Connection& db,
                                                       std::span<const core::CalloutId> ids);
[[nodiscard]] std::vector<AttemptRecord> find_attempts(Connection& db, const core::CalloutId& id);

/// Marks due callouts in flight: at most `limit`, and not many more bytes of event data than a
/// claim may hold.
[[nodiscard]] Claim claim(WriteSession& session, const core::NotificationId& notification,
                          core::SystemTime now, std::size_t limit);

/// Refusal `not_found` where there is no such callout. One that is no longer in flight keeps its
/// state.
void record(WriteSession& session, const std::vector<AttemptRecord>& attempts,
            const CalloutUpdate& update);
/// Without effect on a callout that is finished or unknown.
void update(WriteSession& session, const CalloutUpdate& update);

void insert_attempt(Connection& db, const AttemptRecord& attempt);
/// Moves a callout whatever its state is, and counts the move.
void move(WriteSession& session, const core::NotificationId& notification, CalloutState from,
          const CalloutUpdate& to);

[[nodiscard]] core::Error no_such_callout(const core::CalloutId& id);

}  // namespace herald::storage::sqlite
