#pragma once

#include <boost/json/object.hpp>

#include "core/error.h"
#include "http/message.h"

namespace herald::providers {

/// The members of a token endpoint's answer, by content and not by Content-Type (O-52, O-53): JSON
/// (a byte order mark is skipped, of duplicate keys the last wins, at most 16 deep) or a form. The
/// error's message says what it was instead, with a printable preview only where it is HTML.
[[nodiscard]] core::Result<boost::json::object> parse_token_body(const http::Response& response);

}  // namespace herald::providers
