#pragma once

#include <string_view>

#include "core/error.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// `default`, `off`, or `failures=50%;min=20;window=30s;open=5s;max-open=5m`, parts in any order,
/// each at most once; a missing one has its default.
[[nodiscard]] core::Result<storage::BreakerSettings> parse_breaker(std::string_view text);

/// Failures 1 to 100 %, attempts 1 to 1000, window 1 s to 10 min, open 1 s to 1 h, at most from
/// that to 24 h; also where the breaker is off, so that it can be turned on as it stands.
[[nodiscard]] core::Result<> validate_breaker(const storage::BreakerSettings& settings);

}  // namespace herald::dispatcher
