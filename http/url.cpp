#include "http/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/encoding.h"
#include "http/international_host.h"

namespace herald::http {
namespace {

constexpr std::size_t kMaxUrl = 8192;
constexpr std::size_t kMaxHost = 253;
constexpr std::size_t kMaxLabel = 63;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// What is wrong with the bytes of the whole text, null if nothing. Other than ASCII may stand in
// the host alone, which has a form of its own for it.
const char* byte_rule(std::string_view text) {
    if (text.size() > kMaxUrl) return "must not be longer than 8192 bytes";
    const std::size_t host = std::min(text.find("://"), text.size());
    const std::size_t path = std::min(text.find_first_of("/?", host + 3), text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        const bool is_outside_host = at < host || at >= path;
        if (byte <= 0x20 || byte == 0x7F || (byte >= 0x80 && is_outside_host))
            return "must be visible ASCII without spaces; percent-encode the rest";
        if (byte == '\\') return "must not contain a backslash";
        if (byte == '#') return "must not have a fragment";
    }
    return nullptr;
}

bool is_ipv6(const std::string& text) {
    std::array<unsigned char, 16> ignored{};
    return ::inet_pton(AF_INET6, text.c_str(), ignored.data()) == 1;
}

// No label is empty, so no dot stands at an edge: X509 checks read those as "any sub-domain" (P10).
bool is_host_name(std::string_view host) {
    if (host.empty() || host.size() > kMaxHost) return false;
    std::size_t label = 0;
    for (const char c : host) {
        if (c == '.') {
            if (label == 0) return false;
            label = 0;
            continue;
        }
        if (!is_alphanumeric(c) && c != '-' && c != '_') return false;
        if (++label > kMaxLabel) return false;
    }
    return label > 0;
}

struct Authority {
    std::string_view host;
    std::optional<std::string_view> port;
    bool bracketed = false;
};

std::optional<Authority> split_authority(std::string_view text) {
    if (!text.starts_with('[')) {
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) return Authority{.host = text, .port = std::nullopt};
        return Authority{.host = text.substr(0, colon), .port = text.substr(colon + 1)};
    }
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    Authority parts{.host = text.substr(1, close - 1), .port = std::nullopt, .bracketed = true};
    const auto rest = text.substr(close + 1);
    if (rest.empty()) return parts;
    if (rest.front() != ':') return std::nullopt;
    parts.port = rest.substr(1);
    return parts;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (problem != std::errc{} || end != text.data() + text.size() || port == 0)
        return std::nullopt;
    return port;
}

core::Result<> read_host(const Authority& parts, std::string_view field, Url& url) {
    if (is_ascii(parts.host)) {
        url.host = core::to_lower(parts.host);
    } else {
        auto ascii = to_ascii_host(parts.host, field);
        if (!ascii) return ascii.error();
        url.host = std::move(*ascii);
    }
    if (parts.bracketed ? is_ipv6(url.host) : is_host_name(url.host)) return {};
    return core::invalid_argument(
        field,
        "must have a valid host: letters, digits, '-', '_' and single inner dots, or [IPv6]");
}

// Fills host and port.
core::Result<> read_authority(std::string_view text, std::string_view field, Url& url) {
    if (text.find('@') != std::string_view::npos) {
        return core::invalid_argument(field, "must not contain user information (name:password@)");
    }
    const auto parts = split_authority(text);
    if (!parts)
        return core::invalid_argument(field, "must have a host, an IPv6 address in brackets");
    if (auto read = read_host(*parts, field, url); !read) return read;
    if (!parts->port) {
        url.port = url.is_https() ? 443 : 80;
        return {};
    }
    const auto port = parse_port(*parts->port);
    if (!port) return core::invalid_argument(field, "must have a port from 1 to 65535, or none");
    url.port = *port;
    return {};
}

// Takes `https://` off the front; empty where it is neither scheme.
std::string_view take_scheme(std::string_view& text) {
    for (const std::string_view scheme : {std::string_view("https"), std::string_view("http")}) {
        if (!core::equals_ignoring_case(text.substr(0, scheme.size()), scheme)) continue;
        if (!text.substr(scheme.size()).starts_with("://")) continue;
        text.remove_prefix(scheme.size() + 3);
        return scheme;
    }
    return {};
}

}  // namespace

core::Result<Url> Url::parse(std::string_view text, std::string_view field) {
    if (const char* rule = byte_rule(text)) return core::invalid_argument(field, rule);
    Url url;
    url.scheme = take_scheme(text);
    if (url.scheme.empty()) {
        return core::invalid_argument(field, "must start with https:// or http://");
    }
    const auto authority = text.substr(0, text.find_first_of("/?"));
    if (auto read = read_authority(authority, field, url); !read) return read.error();
    text.remove_prefix(authority.size());
    if (!text.starts_with('/')) url.target.push_back('/');
    url.target.append(text);
    return url;
}

std::string Url::origin() const {
    std::string text = scheme;
    return text.append("://").append(host_header());
}

std::string Url::host_header() const {
    const bool is_address_v6 = host.find(':') != std::string::npos;
    std::string text;
    text.append(is_address_v6 ? "[" : "").append(host).append(is_address_v6 ? "]" : "");
    const bool is_default_port = port == (is_https() ? 443 : 80);
    if (!is_default_port) text.append(":").append(std::to_string(port));
    return text;
}

}  // namespace herald::http
