// storage/configuration_store.h
#include <utility>

#include "storage/sqlite/notification_commands.h"
#include "storage/sqlite/notification_rows.h"
#include "storage/sqlite/provider_commands.h"
#include "storage/sqlite/provider_rows.h"
#include "storage/sqlite/store_roles.h"

namespace herald::storage {

core::Result<> SqliteStore::add_provider(ProviderRecord record, std::optional<TokenRecord> token) {
    return write<void>(
        Kind::kOther, [&](WriteSession& session) { sqlite::add_provider(session, record, token); });
}

core::Result<ProviderRecord> SqliteStore::edit_provider(
    std::string_view name, std::function<core::Result<>(ProviderEdit&)> change) {
    return write<ProviderRecord>(Kind::kOther, [&](WriteSession& session) {
        return sqlite::edit_provider(session, name, change);
    });
}

core::Result<> SqliteStore::delete_provider(std::string_view name) {
    auto deleted = write<void>(
        Kind::kOther, [&](WriteSession& session) { sqlite::delete_provider(session, name); });
    // The deletion stands whether or not the -wal can be emptied now.
    if (deleted) static_cast<void>(truncate_wal());
    return deleted;
}

core::Result<std::vector<ProviderRecord>> SqliteStore::providers() {
    return read<std::vector<ProviderRecord>>(
        "list providers", [&](Connection& db) { return sqlite::all_providers(db, ring_); });
}

core::Result<ProviderRecord> SqliteStore::provider(std::string_view name) {
    return read<ProviderRecord>("read a provider", [&](Connection& db) {
        return found(sqlite::find_provider(db, ring_, name),
                     [&] { return sqlite::no_such_provider(name); });
    });
}

core::Result<ProviderRecord> SqliteStore::provider(core::ProviderId id) {
    return read<ProviderRecord>("read a provider", [&](Connection& db) {
        return found(sqlite::find_provider(db, ring_, id),
                     [&] { return sqlite::no_such_provider(id.text()); });
    });
}

core::Result<std::vector<std::string>> SqliteStore::provider_users(core::ProviderId id) {
    return read<std::vector<std::string>>(
        "list notifications", [&](Connection& db) { return sqlite::users_of_provider(db, id); });
}

core::Result<> SqliteStore::add_notification(NotificationRecord record) {
    return write<void>(Kind::kOther,
                       [&](WriteSession& session) { sqlite::add_notification(session, record); });
}

core::Result<NotificationRecord> SqliteStore::edit_notification(
    std::string_view name, std::function<core::Result<>(NotificationRecord&)> change) {
    return write<NotificationRecord>(Kind::kOther, [&](WriteSession& session) {
        return sqlite::edit_notification(session, name, change);
    });
}

core::Result<> SqliteStore::delete_notification(std::string_view name, bool cancel_pending) {
    for (;;) {
        auto step = write<sqlite::Deletion>(Kind::kOther, [&](WriteSession& session) {
            return sqlite::delete_notification_step(session, name, cancel_pending);
        });
        if (!step) return step.error();
        if (*step == sqlite::Deletion::kDone) return {};
        // Asked again without cancelling, it says how many are in the way.
        if (*step == sqlite::Deletion::kClaimed) cancel_pending = false;
    }
}

core::Result<std::vector<NotificationRecord>> SqliteStore::notifications() {
    return read<std::vector<NotificationRecord>>(
        "list notifications", [&](Connection& db) { return sqlite::all_notifications(db, ring_); });
}

core::Result<NotificationRecord> SqliteStore::notification(std::string_view name) {
    return read<NotificationRecord>("read a notification", [&](Connection& db) {
        return found(sqlite::find_notification(db, ring_, name),
                     [&] { return sqlite::no_such_notification(name); });
    });
}

core::Result<NotificationRecord> SqliteStore::notification(core::NotificationId id) {
    return read<NotificationRecord>("read a notification", [&](Connection& db) {
        return found(sqlite::find_notification(db, ring_, id),
                     [&] { return sqlite::no_such_notification(id.text()); });
    });
}

std::optional<std::vector<core::NotificationId>> SqliteStore::notifications_changed_since(
    std::int64_t version) {
    return session_.changed_since(version);
}

std::int64_t SqliteStore::catalogue_version() const noexcept {
    return session_.catalogue_version();
}

}  // namespace herald::storage
