#pragma once

#include <string>
#include <string_view>

namespace herald::core {

/// Text from outside as it was meant: without a byte order mark and white space at either end, and
/// valid UTF-8, each byte that is none read as Latin-1. What was valid stays as it is.
[[nodiscard]] std::string outside_text(std::string_view bytes);

}  // namespace herald::core
