#pragma once

#include <functional>
#include <string_view>

#include "storage/sqlite/write_session.h"
#include "storage/store.h"

/// Changes of notifications, as Store describes them. Everything here may throw Failure and
/// Refusal.
namespace herald::storage::sqlite {

void add_notification(WriteSession& session, const NotificationRecord& record);
[[nodiscard]] NotificationRecord edit_notification(
    WriteSession& session, std::string_view name,
    const std::function<core::Result<>(NotificationRecord&)>& change);

enum class Deletion {
    kDone,
    kGoOn,    ///< some pending callouts were cancelled; more are left
    kClaimed  ///< only what is claimed is left
};
/// One bounded step. Refusal `notification_in_use` where callouts are unfinished and
/// `cancel_pending` is false.
[[nodiscard]] Deletion delete_notification_step(WriteSession& session, std::string_view name,
                                                bool cancel_pending);
[[nodiscard]] core::Error notification_in_use(std::string_view name, std::int64_t unfinished);

}  // namespace herald::storage::sqlite
