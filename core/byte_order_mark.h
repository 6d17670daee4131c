#pragma once

#include <string_view>

namespace herald::core {

/// Without the byte order mark that some editors put before UTF-8 text (RFC 3629 section 6).
[[nodiscard]] inline std::string_view without_byte_order_mark(std::string_view text) {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";
    return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

}  // namespace herald::core
