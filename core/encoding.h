#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace herald::core {

/// Two lower-case digits for each byte.
[[nodiscard]] std::string hex_encode(std::string_view bytes);

/// RFC 4648 section 4, with padding.
[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// Strict: padding required, no white space; empty optional on anything else. The unused bits of
/// the last digit are ignored, as in most decoders.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

/// application/x-www-form-urlencoded (WHATWG URL): all but `A-Za-z0-9*-._` encoded, space as `+`.
[[nodiscard]] std::string form_encode(std::string_view text);
/// Empty optional where a `%` is not followed by two hex digits.
[[nodiscard]] std::optional<std::string> form_decode(std::string_view text);
/// Ordered, repeatable name/value pairs joined as a form body.
[[nodiscard]] std::string form_body(const std::vector<std::pair<std::string, std::string>>& fields);

/// RFC 3986 component: all but unreserved `A-Za-z0-9-._~` percent-encoded.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_valid_utf8(std::string_view text);

/// For showing bytes from outside: valid UTF-8, with control characters (C0, DEL, C1) and invalid
/// bytes as `\xNN`. At most `limit` bytes long, cut between characters. Not reversible.
[[nodiscard]] std::string printable(std::string_view bytes, std::size_t limit);

/// These know ASCII letters only; other bytes stand for themselves.
/// REQUIRES: `b` is as long as `a`.
[[nodiscard]] bool same_letters(std::string_view a, const char* b);
[[nodiscard]] inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() && same_letters(a, b.data());
}
[[nodiscard]] std::string to_lower(std::string_view text);
/// Without space, tab, CR and LF at either end.
[[nodiscard]] std::string_view trim(std::string_view text);

}  // namespace herald::core
