#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "storage/records.h"

namespace herald::storage {

/// The role of the store that keeps providers and notifications.
///
/// Every method blocks, the changing ones until they are durable: not for workers' threads.
/// Thread-safety: all methods may be called concurrently. Errors: as each says, and those of
/// kind kStorage (storage/store.h).
class ConfigurationStore {
public:
    virtual ~ConfigurationStore() = default;

    /// Conflict `provider_exists` where the name is taken.
    [[nodiscard]] virtual core::Result<> add_provider(ProviderRecord record,
                                                      std::optional<TokenRecord> token) = 0;
    /// Reads, lets `change` alter a copy, writes, in one transaction. `change` must be repeatable.
    /// With `drop_token` set by `change`, the access token goes and the invalidation epoch grows; a
    /// refresh token is a credential and stays unless `change` clears or replaces `token`. What
    /// `token` then holds is stored. Name, id and `created_at` never change; the store sets
    /// `updated_at`.
    struct ProviderEdit {
        ProviderRecord record;
        std::optional<TokenRecord> token;
        bool drop_token = false;
    };
    [[nodiscard]] virtual core::Result<ProviderRecord> edit_provider(
        std::string_view name, std::function<core::Result<>(ProviderEdit&)> change) = 0;
    /// Conflict `provider_in_use` with details {notifications: [names], unfinished_callouts: n}.
    [[nodiscard]] virtual core::Result<> delete_provider(std::string_view name) = 0;
    [[nodiscard]] virtual core::Result<std::vector<ProviderRecord>> providers() = 0;
    [[nodiscard]] virtual core::Result<ProviderRecord> provider(std::string_view name) = 0;
    [[nodiscard]] virtual core::Result<ProviderRecord> provider(core::ProviderId id) = 0;
    /// Names of the notifications that refer to it.
    [[nodiscard]] virtual core::Result<std::vector<std::string>> provider_users(
        core::ProviderId id) = 0;

    /// Conflict `notification_exists`; `not_found` where its provider is gone. `auth` names the
    /// provider by id.
    [[nodiscard]] virtual core::Result<> add_notification(NotificationRecord record) = 0;
    /// As edit_provider. Pending callouts go with the new provider, attempts in flight end with
    /// theirs.
    [[nodiscard]] virtual core::Result<NotificationRecord> edit_notification(
        std::string_view name, std::function<core::Result<>(NotificationRecord&)> change) = 0;
    /// Conflict `notification_in_use` with details {unfinished_callouts: n} unless
    /// `cancel_pending`, which cancels what is pending in small steps; what is in flight is then a
    /// conflict too.
    [[nodiscard]] virtual core::Result<> delete_notification(std::string_view name,
                                                             bool cancel_pending) = 0;
    [[nodiscard]] virtual core::Result<std::vector<NotificationRecord>> notifications() = 0;
    [[nodiscard]] virtual core::Result<NotificationRecord> notification(std::string_view name) = 0;
    [[nodiscard]] virtual core::Result<NotificationRecord> notification(
        core::NotificationId id) = 0;
    /// Those that were added, changed or deleted after that `catalogue_version`, each once; empty
    /// where nobody remembers that far back.
    [[nodiscard]] virtual std::optional<std::vector<core::NotificationId>>
    notifications_changed_since(std::int64_t version) = 0;
    /// Grows with every change of a notification or provider. Lock-free.
    [[nodiscard]] virtual std::int64_t catalogue_version() const noexcept = 0;
};

}  // namespace herald::storage
