#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace herald::core {

/// Deepest nesting accepted from outside.
inline constexpr std::size_t kMaxJsonDepth = 32;

/// One member of a JSON object. `value` is a view into the text it was read from.
struct RawMember {
    std::string key;         ///< escapes decoded
    std::string_view value;  ///< the source text, untouched: numbers keep every digit
};

/// Checks that `text` is exactly one JSON value (RFC 8259): UTF-8, no lone surrogates, no trailing
/// bytes, at most kMaxJsonDepth deep. The error is `malformed_request` and says at which byte.
[[nodiscard]] Result<> validate_json(std::string_view text);

/// Parses one JSON object as strictly as `validate_json`; refuses duplicate keys at the top level.
/// Numbers are rounded as doubles where they do not fit; where digits matter use `raw_members`.
[[nodiscard]] Result<boost::json::object> parse_object(std::string_view text);

/// The members of the object `text` in order, duplicates included; empty optional where the value
/// is no object. REQUIRES: validate_json(text) succeeded.
[[nodiscard]] std::optional<std::vector<RawMember>> raw_members(std::string_view text);

/// The source text of the value at `path` below `text`: member names, or indices into arrays as
/// RFC 6901 writes them (no sign, no leading zero). Of duplicate keys the last wins.
/// REQUIRES: validate_json(text) succeeded.
[[nodiscard]] std::optional<std::string_view> raw_at(std::string_view text,
                                                     const std::vector<std::string>& path);

/// The decoded content of a JSON string's source text, quotes included.
/// REQUIRES: `text` is a valid JSON string.
[[nodiscard]] std::string decode_json_string(std::string_view text);
/// `text` as the inside of a JSON string, without the quotes.
[[nodiscard]] std::string escape_json(std::string_view text);

/// The segments of a JSON Pointer (RFC 6901), unescaped, as `raw_at` takes them.
[[nodiscard]] Result<std::vector<std::string>> parse_json_pointer(std::string_view pointer);

/// The text of a member; empty optional where it is absent or no string.
[[nodiscard]] std::optional<std::string> string_member(const boost::json::object& object,
                                                       std::string_view key);

}  // namespace herald::core
