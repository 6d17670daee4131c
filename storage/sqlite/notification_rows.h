#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "storage/key_ring.h"
#include "storage/records.h"
#include "storage/sqlite/connection.h"

/// Notifications as rows. Everything here may throw Failure; reads may throw Refusal. A secret that
/// does not open is named in the record, and stays as it is when the record is saved without one.
namespace herald::storage::sqlite {

[[nodiscard]] std::optional<NotificationRecord> find_notification(Connection& db,
                                                                  const KeyRing& ring,
                                                                  std::string_view name);
[[nodiscard]] std::optional<NotificationRecord> find_notification(Connection& db,
                                                                  const KeyRing& ring,
                                                                  const core::NotificationId& id);
[[nodiscard]] std::vector<NotificationRecord> all_notifications(Connection& db,
                                                                const KeyRing& ring);
/// Inserts, or overwrites the one with this id. Refusal `not_found` where its provider is gone.
void save_notification(Connection& db, const KeyRing& ring, const NotificationRecord& record);

[[nodiscard]] bool notification_exists(Connection& db, const core::NotificationId& id);
[[nodiscard]] core::Error no_such_notification(std::string_view name);

}  // namespace herald::storage::sqlite
