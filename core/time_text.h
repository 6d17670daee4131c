#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/error.h"

namespace herald::core {

/// RFC 3339 in UTC with milliseconds: `2026-11-21T08:00:00.000Z`.
[[nodiscard]] std::string format_time(SystemTime at);
/// RFC 3339 with `Z` or a numeric offset and any fraction, of which milliseconds are kept. A leap
/// second counts as the first of the next minute. Empty optional on anything else.
[[nodiscard]] std::optional<SystemTime> parse_time(std::string_view text);

/// The three forms of RFC 9110 section 5.6.7 (IMF-fixdate, RFC 850, asctime). The day of the week
/// is not looked at; a two-digit year means 1970 to 2069. Empty optional on anything else.
[[nodiscard]] std::optional<SystemTime> parse_http_date(std::string_view text);

/// `500ms`, `30s`, `5m`, `2h`, `7d`: digits and one unit, at most 100 years.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// In the largest unit up to hours that needs no fraction: `90s`, `5m`, `1500ms`.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

}  // namespace herald::core
