#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "dispatcher/composer.h"
#include "storage/configuration_store.h"

namespace herald::dispatcher {

/// All notifications at one moment, compiled. Immutable; replaced as a whole when one changes.
struct Catalogue {
    struct Entry {
        CompiledNotificationPtr notification;
        std::optional<std::string> provider_name;
    };
    std::vector<Entry> entries;
    std::int64_t version = 0;

    /// Enabled notifications with a pattern that fits, in name order.
    [[nodiscard]] std::vector<const Entry*> match(std::string_view event_type) const;
};
using CataloguePtr = std::shared_ptr<const Catalogue>;

/// Reads and compiles what is stored now. Blocks; not for worker threads.
[[nodiscard]] core::Result<CataloguePtr> load_catalogue(storage::ConfigurationStore& store);

}  // namespace herald::dispatcher
