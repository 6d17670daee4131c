#include "providers/refusal.h"

#include <array>
#include <boost/json/serialize.hpp>

#include "core/encoding.h"
#include "core/json.h"
#include "providers/token_body.h"

namespace herald::providers {
namespace {

namespace json = boost::json;

constexpr int kDeepest = 4;

// In order: the standards' own names first.
constexpr std::array<std::string_view, 12> kCodes{"error",     "code",   "errorCode", "error_code",
                                                  "errorcode", "Code",   "ErrorCode", "status",
                                                  "type",      "reason", "__type",    "title"};
constexpr std::array<std::string_view, 14> kDescriptions{
    "error_description", "detail",       "error_message", "errorMessage", "message",
    "errorSummary",      "error_detail", "description",   "faultstring",  "Message",
    "ErrorMessage",      "msg",          "reason",        "title"};
constexpr std::array<std::string_view, 7> kInner{"error",  "errors", "reasons", "fault",
                                                 "Errors", "Error",  "detail"};

std::string text_at(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return {};
    return std::string(core::trim(value->get_string()));
}

// A number is a code as well, but a text says more; `status` as a number is the HTTP status again.
std::string code_of(const json::object& object) {
    for (const std::string_view name : kCodes) {
        std::string text = text_at(object, name);
        if (!text.empty() && text != "about:blank") return text;
    }
    for (const std::string_view name : kCodes) {
        const json::value* value = object.if_contains(name);
        if (name != "status" && value != nullptr && value->is_number() && says_something(*value))
            return json::serialize(*value);
    }
    return {};
}

std::string description_of(const json::object& object) {
    for (const std::string_view name : kDescriptions) {
        std::string text = text_at(object, name);
        if (!text.empty()) return text;
    }
    return {};
}

Refusal refusal_in(const json::value& value, int depth);

Refusal first_refusal(const json::array& list, int depth) {
    for (const json::value& entry : list) {
        Refusal found = refusal_in(entry, depth + 1);
        if (!found.code.empty() || !found.description.empty()) return found;
    }
    return {};
}

Refusal refusal_of_object(const json::object& object, int depth) {
    Refusal refusal{.code = code_of(object), .description = description_of(object)};
    for (const std::string_view name : kInner) {
        if (!refusal.code.empty() && !refusal.description.empty()) break;
        const json::value* inner = object.if_contains(name);
        if (inner == nullptr || !inner->is_structured()) continue;
        Refusal found = refusal_in(*inner, depth + 1);
        if (refusal.code.empty()) refusal.code = std::move(found.code);
        if (refusal.description.empty()) refusal.description = std::move(found.description);
    }
    if (refusal.description == refusal.code) refusal.description.clear();
    return refusal;
}

Refusal refusal_in(const json::value& value, int depth) {
    if (depth > kDeepest) return {};
    if (value.is_string()) return {.code = {}, .description = std::string(value.get_string())};
    if (value.is_array()) return first_refusal(value.get_array(), depth);
    if (value.is_object()) return refusal_of_object(value.get_object(), depth);
    return {};
}

}  // namespace

Refusal read_refusal(const http::Response& response) {
    const auto body = parse_answer(response);
    const std::string words = words_of_answer(response);
    const bool is_json = words.starts_with('{') || words.starts_with('[') || words.starts_with('"');
    Refusal refusal = body ? refusal_in(*body, 0) : Refusal{};
    const bool says_why = !refusal.code.empty() || !refusal.description.empty();
    // Prose with an equals sign in it reads like a form.
    refusal.is_document = body && (says_why || is_json) && says_something(*body);
    if (!says_why && !is_json) refusal.description = words;
    return refusal;
}

bool says_something(const json::value& value) {
    if (value.is_null()) return false;
    if (value.is_bool()) return value.get_bool();
    if (value.is_number()) return value.to_number<double>() != 0;
    if (value.is_string()) return !core::trim(value.get_string()).empty();
    if (value.is_array()) return !value.get_array().empty();
    return !value.get_object().empty();
}

}  // namespace herald::providers
