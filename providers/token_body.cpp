#include "providers/token_body.h"

#include <boost/json/parse.hpp>

#include "core/encoding.h"

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Result;

constexpr std::size_t kMaxDepth = 16;

core::Error unreadable(std::string why) {
    return {.kind = core::ErrorKind::kTransient,
            .code = "malformed_token_response",
            .message = std::move(why)};
}

// Tags carry attributes that may hold anything; the words between them are what a person needs.
std::string words_of(std::string_view html) {
    std::string out;
    bool tag = false;
    for (const char c : html.substr(0, 4096)) {
        if (c == '<') tag = true;
        if (!tag) out.push_back(c == '\n' || c == '\r' || c == '\t' ? ' ' : c);
        if (c == '>') tag = false;
    }
    return core::printable(core::trim(out), 200);
}

Result<json::object> parse_form(std::string_view text) {
    json::object members;
    while (!text.empty()) {
        const std::string_view field = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), field.size() + 1));
        const auto equals = field.find('=');
        if (equals == std::string_view::npos) return unreadable("neither JSON nor a form");
        const auto name = core::form_decode(field.substr(0, equals));
        const auto value = core::form_decode(field.substr(equals + 1));
        if (!name || !value) return unreadable("neither JSON nor a form");
        members[*name] = *value;
    }
    return members;
}

}  // namespace

Result<json::object> parse_token_body(const http::Response& response) {
    std::string_view text = response.body;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    text = core::trim(text);
    if (text.empty()) return unreadable("the body is empty");
    if (text.front() == '<') return unreadable("unexpected HTML: " + words_of(text));
    if (const auto encoding = response.headers.get("Content-Encoding");
        encoding && !core::equals_ignoring_case(*encoding, "identity")) {
        return unreadable("the body is compressed though that was not asked for");
    }
    if (text.front() == '{' || text.front() == '[' || text.front() == '"') {
        json::error_code ec;
        json::value value = json::parse(text, ec, {}, {.max_depth = kMaxDepth});
        if (ec) return unreadable("not valid JSON (" + ec.message() + ")");
        if (!value.is_object()) return unreadable("not a JSON object");
        return std::move(value.as_object());
    }
    if (!core::is_valid_utf8(text)) return unreadable("neither JSON nor a form");
    return parse_form(text);
}

}  // namespace herald::providers
