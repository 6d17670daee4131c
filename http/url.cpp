#include "http/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/encoding.h"

namespace herald::http {
namespace {

constexpr std::size_t kMaxUrl = 8192;
constexpr std::size_t kMaxHost = 253;
constexpr std::size_t kMaxLabel = 63;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// What is wrong with the bytes of the whole text, null if nothing.
const char* byte_rule(std::string_view text) {
    if (text.size() > kMaxUrl) return "must not be longer than 8192 bytes";
    for (const char c : text) {
        if (c <= 0x20 || c >= 0x7F)
            return "must be visible ASCII without spaces; percent-encode the rest";
        if (c == '\\') return "must not contain a backslash";
        if (c == '#') return "must not have a fragment";
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

// Fills host and port; what is wrong with them, null if nothing.
const char* read_authority(std::string_view text, Url& url) {
    if (text.find('@') != std::string_view::npos) {
        return "must not contain user information (name:password@)";
    }
    const auto parts = split_authority(text);
    if (!parts) return "must have a host, an IPv6 address in brackets";
    url.host = core::to_lower(parts->host);
    if (parts->bracketed ? !is_ipv6(url.host) : !is_host_name(url.host)) {
        return "must have a valid host: letters, digits, '-', '_' and single inner dots, or [IPv6]";
    }
    if (!parts->port) {
        url.port = url.is_https() ? 443 : 80;
        return nullptr;
    }
    const auto port = parse_port(*parts->port);
    if (!port) return "must have a port from 1 to 65535, or none";
    url.port = *port;
    return nullptr;
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
    if (const char* rule = read_authority(authority, url))
        return core::invalid_argument(field, rule);
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
