#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "dispatcher/history_pruner.h"

namespace herald::cli {

/// `max_age` such as `30d` or `12h`, `max_size` such as `10GB` or `500MB` (powers of ten); `none`
/// is unlimited and an empty text the default: 30 days, 10 GB.
[[nodiscard]] core::Result<dispatcher::HistoryLimits> parse_history_limits(
    std::string_view max_age, std::string_view max_size);

/// For people: `what is younger than 30d, up to 10GB`.
[[nodiscard]] std::string describe(const dispatcher::HistoryLimits& limits);

}  // namespace herald::cli
