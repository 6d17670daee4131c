#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace herald::http {

/// Stands for a host that is not known yet; it never resolves (RFC 2606).
inline constexpr std::string_view kRelativeHost = "relative.invalid";

/// An absolute http or https URL (RFC 3986), taken apart once and never re-read.
struct Url {
    std::string scheme;  ///< "http" or "https"
    std::string host;    ///< lower-case ASCII, an IPv6 literal without brackets
    std::uint16_t port = 0;
    std::string target;  ///< path and query as they will stand in the request line; at least "/"

    /// A host with other letters takes its ASCII form (`bücher.example` is
    /// `xn--bcher-kva.example`).
    /// Refuses (field `field`): other schemes, user information, fragments, empty or dotted-edge
    /// hosts, port 0, control characters, spaces, backslashes, and non-ASCII bytes elsewhere.
    [[nodiscard]] static core::Result<Url> parse(std::string_view text, std::string_view field);

    [[nodiscard]] bool is_https() const { return scheme == "https"; }
    /// `https://host:port`, the default port left out.
    [[nodiscard]] std::string origin() const;
    /// The Host header (RFC 9110 section 7.2).
    [[nodiscard]] std::string host_header() const;
    [[nodiscard]] std::string text() const { return origin() + target; }
};

}  // namespace herald::http
