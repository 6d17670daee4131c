#pragma once

#include "storage/sqlite/write_session.h"
#include "storage/store.h"

/// What people and the start of the program do to callouts. Everything here may throw Failure.
namespace herald::storage::sqlite {

/// Rows touched by one transaction of a long walk.
inline constexpr std::size_t kStep = 500;

/// Up to kStep claimed callouts leave the hands of the owner before. All zero: none was left.
[[nodiscard]] Recovered recover_some(WriteSession& session, core::StoredTime now);
/// Writes the lease that follows the session's, and returns its number.
[[nodiscard]] std::int64_t begin_lease(WriteSession& session, std::string_view owner,
                                       core::StoredTime now);
/// Refusal as Store::retry_callout says.
[[nodiscard]] CalloutRecord retry(WriteSession& session, const core::CalloutId& id,
                                  core::StoredTime now);
/// Refusal as Store::cancel_callout says.
[[nodiscard]] CalloutRecord cancel(WriteSession& session, const core::CalloutId& id);
/// Makes those of `ids` that are still dead due. Returns how many.
[[nodiscard]] std::int64_t retry_those_dead(WriteSession& session,
                                            const std::vector<core::CalloutId>& ids,
                                            core::StoredTime now);
/// Makes up to `limit` that wait for a time after `now` due. Returns how many.
[[nodiscard]] std::int64_t retry_some_waiting(WriteSession& session,
                                              const core::NotificationId& notification,
                                              core::StoredTime now, std::size_t limit);
[[nodiscard]] std::int64_t count_waiting(Connection& db, const core::NotificationId& notification,
                                         core::StoredTime now);
/// Cancels up to kStep pending callouts. Returns how many.
[[nodiscard]] std::int64_t cancel_some_pending(WriteSession& session,
                                               const core::NotificationId& notification);
[[nodiscard]] std::int64_t count_unfinished(WriteSession& session,
                                            const core::NotificationId& notification);

}  // namespace herald::storage::sqlite
