#pragma once

#include <cstdint>

#include "cli/settings.h"
#include "core/clock.h"

namespace herald::cli {

struct KeyRotation {
    std::uint32_t newest = 0;   ///< id of the key that seals from now on
    std::int64_t resealed = 0;  ///< rows
};

/// Makes a new master key, seals everything under it, then removes the older keys.
///
/// May be interrupted at any moment and run again: until the last step every key is still in the
/// ring. Errors: `already_running` while a daemon owns the database (it holds the old ring), and
/// those of the store.
[[nodiscard]] core::Result<KeyRotation> rotate_keys(const Settings& settings, core::Clock& clock);

}  // namespace herald::cli
