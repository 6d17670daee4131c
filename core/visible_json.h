#pragma once

#include <string>
#include <string_view>

namespace herald::core {

/// Serialised JSON with every character of its strings that could move a cursor, break a line or
/// turn text around (DEL, C1, line separators, bidirectional marks and overrides) as `\uXXXX`:
/// still the same JSON, safe to show (S-20). Other text in UTF-8 may pass through it as well.
[[nodiscard]] std::string visible_json(std::string_view json);

}  // namespace herald::core
