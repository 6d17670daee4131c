#include "providers/token_body.h"

#include <algorithm>
#include <boost/json/parse.hpp>

#include "core/encoding.h"
#include "core/json.h"
#include "core/outside_text.h"
#include "storage/records.h"

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Result;

constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxWords = 4096;

core::Error unreadable_body(std::string why) {
    return {.kind = core::ErrorKind::kTransient,
            .code = "malformed_token_response",
            .message = std::move(why)};
}

bool is_json(std::string_view text) {
    return text.front() == '{' || text.front() == '[' || text.front() == '"';
}

// Tags carry attributes that may hold anything; the words between them are what a person needs.
std::string words_of_html(std::string_view html) {
    std::string out;
    bool tag = false;
    for (const char c : html.substr(0, kMaxWords)) {
        if (c == '<') tag = true;
        if (!tag) out.push_back(c == '\n' || c == '\r' || c == '\t' ? ' ' : c);
        if (c == '>') tag = false;
    }
    return std::string(core::trim(out));
}

// Percent-encoded bytes may be Latin-1 too; what is valid keeps its white space.
std::string as_utf8(const std::string& text) {
    return core::is_valid_utf8(text) ? text : core::outside_text(text);
}

Result<storage::Fields> form_fields(std::string_view text) {
    storage::Fields fields;
    while (!text.empty()) {
        const std::string_view field = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), field.size() + 1));
        const auto equals = field.find('=');
        if (equals == std::string_view::npos) return unreadable_body("neither JSON nor a form");
        const auto name = core::form_decode(field.substr(0, equals));
        const auto value = core::form_decode(field.substr(equals + 1));
        if (!name || !value) return unreadable_body("neither JSON nor a form");
        fields.emplace_back(as_utf8(*name), as_utf8(*value));
    }
    return fields;
}

Result<json::value> parse_form(std::string_view text) {
    const auto fields = form_fields(text);
    if (!fields) return fields.error();
    json::object members;
    for (const auto& [name, value] : *fields) members[name] = value;
    return json::value(std::move(members));
}

}  // namespace

Result<json::value> parse_answer(const http::Response& response) {
    const std::string text = core::outside_text(response.body);
    if (text.empty()) return unreadable_body("the body is empty");
    if (text.front() == '<') return unreadable_body("unexpected HTML: " + words_of_html(text));
    if (const auto encoding = response.headers.get("Content-Encoding");
        encoding && !core::equals_ignoring_case(*encoding, "identity")) {
        return unreadable_body("the body is compressed though that was not asked for");
    }
    if (!is_json(text)) return parse_form(text);
    json::error_code ec;
    json::value value = json::parse(text, ec, {}, {.max_depth = kMaxDepth});
    if (ec) return unreadable_body("not valid JSON (" + ec.message() + ")");
    return value;
}

Result<json::object> parse_token_body(const http::Response& response) {
    auto value = parse_answer(response);
    if (!value) return value.error();
    if (!value->is_object()) return unreadable_body("not a JSON object");
    return std::move(value->as_object());
}

std::vector<std::string> repeated_members(const http::Response& response) {
    const std::string text = core::outside_text(response.body);
    std::vector<std::string> names;
    if (text.empty()) return names;
    if (text.front() == '{') {
        if (!core::validate_json(text)) return names;
        const auto members = core::raw_members(text).value();
        for (const core::RawMember& member : members) names.push_back(member.key);
    } else if (auto fields = form_fields(text)) {
        for (auto& [name, value] : *fields) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    std::vector<std::string> repeated;
    for (std::size_t i = 1; i < names.size(); ++i) {
        const bool is_known = !repeated.empty() && repeated.back() == names[i];
        if (names[i] == names[i - 1] && !is_known) repeated.push_back(names[i]);
    }
    return repeated;
}

std::string words_of_answer(const http::Response& response) {
    const std::string text = core::outside_text(response.body);
    return text.starts_with('<') ? words_of_html(text) : text.substr(0, kMaxWords);
}

}  // namespace herald::providers
