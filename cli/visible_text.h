#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace herald::cli {

/// Text from outside, safe to show: one line, valid UTF-8, with control characters (C0, DEL, C1),
/// line separators and bidirectional overrides written as escapes (S-20). Cut to about `limit`
/// bytes, with `…` where it was.
[[nodiscard]] std::string visible_text(std::string_view bytes, std::size_t limit = 4096);

/// Columns the text takes on a terminal: one a code point.
[[nodiscard]] std::size_t display_width(std::string_view text);

}  // namespace herald::cli
