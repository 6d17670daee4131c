#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace herald::storage {

/// Conflict `provider_in_use`: why a provider cannot be deleted, with the names of the
/// notifications that use it and what comes first. Details: `notifications`,
/// `unfinished_callouts`.
[[nodiscard]] core::Error provider_in_use(std::string_view provider,
                                          const std::vector<std::string>& notifications,
                                          std::int64_t unfinished_callouts);

}  // namespace herald::storage
