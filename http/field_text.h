#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace herald::http {

/// Which characters a token may have. Not inside the function: there it would be built on the stack
/// for every character.
inline constexpr std::array<bool, 256> kTokenChars = [] {
    std::array<bool, 256> table{};
    for (const char mark : std::string_view("!#$%&'*+-.^_`|~")) {
        table[static_cast<unsigned char>(mark)] = true;
    }
    for (unsigned char digit = '0'; digit <= '9'; ++digit) table[digit] = true;
    for (unsigned char letter = 'a'; letter <= 'z'; ++letter) table[letter] = true;
    for (unsigned char letter = 'A'; letter <= 'Z'; ++letter) table[letter] = true;
    return table;
}();

/// RFC 9110 section 5.6.2.
[[nodiscard]] constexpr bool is_token_char(char c) {
    return kTokenChars[static_cast<unsigned char>(c)];
}

[[nodiscard]] constexpr bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_token_char);
}

/// What may follow another in a request line: visible ASCII.
[[nodiscard]] constexpr bool is_visible(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace herald::http
