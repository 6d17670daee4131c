#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "dispatcher/composer.h"
#include "storage/configuration_store.h"

namespace herald::dispatcher {

/// All notifications, compiled, and found by the type of an event without a look at those that do
/// not match. A change costs what it changes.
///
/// Thread-safety: all methods may be called concurrently; what was found stays valid.
class Catalogue final {
public:
    struct Found {
        std::vector<CompiledNotificationPtr> notifications;  ///< enabled ones that fit, by name
        std::int64_t version = 0;                            ///< that they were matched against
    };

    [[nodiscard]] Found match(std::string_view event_type) const;
    /// Null where there is none, or where it cannot be compiled.
    [[nodiscard]] CompiledNotificationPtr find(core::NotificationId id) const;
    [[nodiscard]] std::vector<CompiledNotificationPtr> all() const;
    [[nodiscard]] std::int64_t version() const;

    /// Reads what has changed in the store since the last time, all of it the first time. Blocks,
    /// for as long as the change is large. Errors: those of the store; then nothing has changed.
    [[nodiscard]] core::Result<> refresh(storage::ConfigurationStore& store);

private:
    using Fitting = std::vector<CompiledNotificationPtr>;  // by name
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    using Index = std::unordered_map<std::string, Fitting, TextHash, std::equal_to<>>;

    void put(CompiledNotificationPtr notification);
    void remove(core::NotificationId id);
    [[nodiscard]] Fitting& fitting(const std::string& pattern);

    std::mutex refreshing_;  // held by one refresh at a time
    mutable std::shared_mutex mutex_;
    std::int64_t version_ = 0;  // guarded by mutex_
    std::unordered_map<core::NotificationId, CompiledNotificationPtr, core::IdHash>
        by_id_;       // guarded by mutex_
    Index exact_;     // guarded by mutex_
    Index prefixes_;  // guarded by mutex_; `invoice.` for `invoice.*`
    Fitting any_;     // guarded by mutex_
};
using CataloguePtr = std::shared_ptr<Catalogue>;

}  // namespace herald::dispatcher
