#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "http/message.h"

namespace herald::providers {

/// The members of a token endpoint's answer, by content and not by Content-Type (O-52, O-53): JSON
/// (a byte order mark is skipped, of duplicate keys the last wins, at most 16 deep) or a form.
/// Bytes that are no UTF-8 are read as Latin-1. The error's message says what it was instead, with
/// the words of HTML, which are neither masked nor printable yet.
[[nodiscard]] core::Result<boost::json::object> parse_token_body(const http::Response& response);

/// The same for whatever JSON it is, also an array or a bare string.
[[nodiscard]] core::Result<boost::json::value> parse_answer(const http::Response& response);

/// The names that stand more than once at the top of the answer.
[[nodiscard]] std::vector<std::string> repeated_members(const http::Response& response);

/// The words of an answer that is for people: plain text, or HTML without its tags. Not yet made
/// printable, at most 4 KiB.
[[nodiscard]] std::string words_of_answer(const http::Response& response);

}  // namespace herald::providers
