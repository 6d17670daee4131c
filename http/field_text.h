#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

/// Of visible ASCII and spaces alone, as nearly every field value is. Eight bytes at a time: a
/// carry or borrow into the next one comes only from a wrong one.
[[nodiscard]] inline bool is_plain_text(std::string_view text) {
    constexpr std::uint64_t kEach = 0x0101010101010101;
    std::uint64_t wrong = 0;
    const auto look_at = [&wrong](std::uint64_t bytes) {
        wrong |= bytes | (bytes - kEach * 0x20) | (bytes + kEach);
    };
    std::uint64_t bytes = 0;
    for (; text.size() >= sizeof bytes; text.remove_prefix(sizeof bytes)) {
        std::memcpy(&bytes, text.data(), sizeof bytes);
        look_at(bytes);
    }
    bytes = kEach * ' ';
    if (!text.empty()) std::memcpy(&bytes, text.data(), text.size());
    look_at(bytes);
    return (wrong & kEach * 0x80) == 0;
}

/// What a field value may have: no control character but the tab (RFC 9110 section 5.5), and
/// nothing beyond ASCII unless it may.
[[nodiscard]] inline bool is_field_content(std::string_view value, bool beyond_ascii = true) {
    return is_plain_text(value) || std::ranges::all_of(value, [beyond_ascii](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return byte == '\t' ||
                      (byte >= 0x20 && byte != 0x7F && (byte < 0x80 || beyond_ascii));
           });
}

/// What may follow another in a request line: visible ASCII.
[[nodiscard]] constexpr bool is_visible(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace herald::http
