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

/// What a field value may have: no control character but the tab (RFC 9110 section 5.5), and no
/// byte above `last`.
///
/// Looks at every byte instead of stopping at the first wrong one: there is none, and so the loop
/// runs many bytes at a time.
[[nodiscard]] constexpr bool is_field_content(std::string_view value, unsigned char last = 0xFF) {
    unsigned wrong = 0;
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        const bool visible = byte >= 0x20 && byte != 0x7F && byte <= last;
        wrong |= static_cast<unsigned>(!visible) & static_cast<unsigned>(byte != '\t');
    }
    return wrong == 0;
}

/// What may follow another in a request line: visible ASCII.
[[nodiscard]] constexpr bool is_visible(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace herald::http
