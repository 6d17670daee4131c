#include "http/beast/request_text.h"

#include "core/encoding.h"
#include "http/field_text.h"

namespace herald::http {
namespace {

// CONNECT would turn the connection into a tunnel, TRACE would echo credentials.
core::Result<> check_method(std::string_view method) {
    if (!is_token(method)) return core::invalid_argument("method", "must be an HTTP method name");
    if (method == "CONNECT" || method == "TRACE") {
        return core::invalid_argument("method", "must not be CONNECT or TRACE");
    }
    return {};
}

core::Result<> check_target(const Url& url) {
    if (!is_visible(url.target) || url.target.front() != '/') {
        return core::invalid_argument("url", "the path must begin with '/' and be visible ASCII");
    }
    return {};
}

core::Result<> check_headers(const Headers& headers) {
    for (const auto& [name, value] : headers) {
        if (auto checked = validate_sent_header(name, value); !checked) return checked;
        if (!is_reserved_header(name)) continue;
        return core::invalid_argument("headers." + name, "the header is written by the transport");
    }
    return {};
}

bool always_has_length(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

constexpr std::string_view kColon = ": ";
constexpr std::string_view kLineEnd = "\r\n";

void append_line(std::string& text, std::string_view name, std::string_view value) {
    text.append(name).append(kColon).append(value).append(kLineEnd);
}

std::size_t size_estimate(const Request& request) {
    constexpr std::size_t kOwnLines = 128;
    std::size_t size = kOwnLines + request.url.target.size() + request.url.host.size();
    for (const auto& [name, value] : request.headers) size += name.size() + value.size() + 4;
    return size + request.body.size();
}

}  // namespace

core::Result<std::string> request_text(const Request& request) {
    const std::string host = request.url.host_header();
    if (auto checked = check_method(request.method); !checked) return checked.error();
    if (auto checked = check_target(request.url); !checked) return checked.error();
    if (auto checked = validate_header("Host", host, "url"); !checked) return checked.error();
    if (auto checked = check_headers(request.headers); !checked) return checked.error();

    std::string text;
    text.reserve(size_estimate(request));
    text.append(request.method).append(" ").append(request.url.target).append(" HTTP/1.1\r\n");
    append_line(text, "Host", host);
    bool names_encodings = false;
    for (const auto& [name, value] : request.headers) {
        append_line(text, name, value);
        names_encodings = names_encodings || core::equals_ignoring_case(name, "accept-encoding");
    }
    // Bodies are never decompressed here, so nobody should compress them.
    if (!names_encodings) append_line(text, "Accept-Encoding", "identity");
    if (!request.body.empty() || always_has_length(request.method)) {
        append_line(text, "Content-Length", std::to_string(request.body.size()));
    }
    text.append(kLineEnd).append(request.body);
    return text;
}

}  // namespace herald::http
