#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace herald::api {

/// The first part of an HTTP/1.1 request as the admin interface reads it.
struct RequestHead {
    std::string method;
    std::string path;                            ///< still percent-encoded
    std::map<std::string, std::string> query;    ///< decoded
    std::map<std::string, std::string> headers;  ///< names lower case; only those the API reads
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool keep_alive = true;
    bool expects_continue = false;
};

/// Reads everything up to and with the empty line. Strict where leniency lets two readers see two
/// requests (RFC 9112 section 11.2, S-12): bare LF, obs-fold, space before a colon, NUL,
/// Content-Length twice, signed or beside Transfer-Encoding, any coding but `chunked`, no or two
/// Hosts. Errors are `malformed_request`.
[[nodiscard]] core::Result<RequestHead> parse_request_head(std::string_view text);

}  // namespace herald::api
