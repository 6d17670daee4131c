#include "api/request_head.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "api/problem.h"
#include "core/encoding.h"
#include "http/field_text.h"

namespace herald::api {
namespace {

using core::Result;

constexpr std::size_t kMaxFields = 64;
constexpr std::array<std::string_view, 2> kHeadersRead = {"content-type", "idempotency-key"};

// Cuts a line off; empty optional unless it ends with CRLF and has no other CR or LF.
std::optional<std::string_view> take_head_line(std::string_view& text) {
    const std::size_t end = text.find_first_of("\r\n");
    if (end == std::string_view::npos || text.substr(end, 2) != "\r\n") return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    return line;
}

Result<> read_query(std::string_view text, std::map<std::string, std::string>& into) {
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        auto name = core::form_decode(pair.substr(0, equals));
        auto value = core::form_decode(pair.substr(std::min(pair.size(), equals + 1)));
        if (!name || !value) return malformed_request("query: % stands before two hex digits");
        if (!into.emplace(std::move(*name), std::move(*value)).second) {
            return malformed_request("query: a parameter stands twice");
        }
    }
    return {};
}

Result<> read_request_line(std::string_view line, RequestHead& head) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last)
        return malformed_request("the request line is malformed");
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    head.method = std::string(line.substr(0, first));
    if (!http::is_token(head.method)) return malformed_request("the method is no token");
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        return malformed_request("HTTP/1.1 is expected");
    if (!target.starts_with('/') || !http::is_visible(target) ||
        target.find('#') != std::string_view::npos) {
        return malformed_request("the request target is an absolute path with an optional query");
    }
    head.keep_alive = version == "HTTP/1.1";
    const std::size_t question = target.find('?');
    head.path = std::string(target.substr(0, question));
    if (question == std::string_view::npos) return {};
    return read_query(target.substr(question + 1), head.query);
}

// Collects what frames the request, to judge it when all fields are read.
struct Framing {
    int hosts = 0;
    int lengths = 0;
    int codings = 0;
};

Result<std::uint64_t> read_length(std::string_view raw) {
    // One space after the colon is what everyone writes; more of anything is an attempt at
    // something.
    if (raw.starts_with(' ')) raw.remove_prefix(1);
    std::uint64_t length = 0;
    const auto [end, ec] = std::from_chars(raw.data(), raw.data() + raw.size(), length);
    if (ec != std::errc() || end != raw.data() + raw.size())
        return malformed_request("Content-Length: digits only");
    return length;
}

Result<> read_field(std::string_view name, std::string_view raw, RequestHead& head,
                    Framing& framing) {
    const std::string lower = core::to_lower(name);
    const std::string_view value = core::trim(raw);
    if (lower == "host") ++framing.hosts;
    if (lower == "content-length") {
        ++framing.lengths;
        const auto length = read_length(raw);
        if (!length) return length.error();
        head.content_length = *length;
    }
    if (lower == "transfer-encoding") {
        ++framing.codings;
        head.chunked = core::equals_ignoring_case(value, "chunked");
    }
    if (lower == "connection" && core::to_lower(value).find("close") != std::string::npos)
        head.keep_alive = false;
    if (lower == "expect")
        head.expects_continue = core::equals_ignoring_case(value, "100-continue");
    if (std::find(kHeadersRead.begin(), kHeadersRead.end(), lower) == kHeadersRead.end()) return {};
    if (head.headers.emplace(lower, value).second) return {};
    return malformed_request(lower + ": stands twice");
}

Result<> judge(const RequestHead& head, const Framing& framing) {
    if (framing.hosts > 1) return malformed_request("Host stands twice");
    if (framing.hosts == 0 && head.keep_alive) return malformed_request("Host is missing");
    if (framing.lengths > 1) return malformed_request("Content-Length stands twice");
    if (framing.lengths + framing.codings > 1) {
        return malformed_request("Content-Length and Transfer-Encoding do not go together");
    }
    if (framing.codings == 1 && !head.chunked)
        return malformed_request("Transfer-Encoding: only chunked is known");
    return {};
}

}  // namespace

Result<RequestHead> parse_request_head(std::string_view text) {
    RequestHead head;
    Framing framing;
    const auto request_line = take_head_line(text);
    if (!request_line) return malformed_request("lines end with CR LF");
    if (auto ok = read_request_line(*request_line, head); !ok) return ok.error();
    for (std::size_t fields = 0;; ++fields) {
        const auto line = take_head_line(text);
        if (!line) return malformed_request("lines end with CR LF");
        if (line->empty()) break;
        if (fields == kMaxFields) return malformed_request("more than 64 header fields");
        const std::size_t colon = line->find(':');
        if (colon == std::string_view::npos || !http::is_token(line->substr(0, colon))) {
            return malformed_request(
                "a header field is a name, directly a colon, and a value on one line");
        }
        const std::string_view raw = line->substr(colon + 1);
        if (!http::is_field_content(raw))
            return malformed_request("a header value has a control character");
        if (auto ok = read_field(line->substr(0, colon), raw, head, framing); !ok)
            return ok.error();
    }
    if (auto ok = judge(head, framing); !ok) return ok.error();
    return head;
}

}  // namespace herald::api
