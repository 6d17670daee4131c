#include "providers/settings_reader.h"

#include <algorithm>

#include "core/encoding.h"
#include "core/json.h"
#include "core/time_text.h"

namespace herald::providers {

namespace json = boost::json;

const json::value* SettingsReader::member(std::string_view key) {
    known_.emplace_back(key);
    return settings_.if_contains(key);
}

void SettingsReader::fail(std::string_view key, std::string_view rule) {
    if (!error_) error_ = core::invalid_argument("settings." + core::printable(key, 64), rule);
}

void SettingsReader::flag(std::string_view key, bool& out) {
    const json::value* value = member(key);
    if (value == nullptr) return;
    if (!value->is_bool()) return fail(key, "is true or false");
    out = value->as_bool();
}

void SettingsReader::text(std::string_view key, std::string& out) {
    const json::value* value = member(key);
    if (value == nullptr) return;
    if (!value->is_string()) return fail(key, "is a text");
    out = std::string(value->as_string());
}

void SettingsReader::optional_text(std::string_view key, std::optional<std::string>& out) {
    std::string found;
    text(key, found);
    if (settings_.contains(key)) out = std::move(found);
}

void SettingsReader::choice(std::string_view key, std::initializer_list<std::string_view> known,
                            std::string& out) {
    text(key, out);
    if (std::find(known.begin(), known.end(), out) != known.end()) return;
    std::string rule = "is one of";
    for (const std::string_view one : known) rule.append(" ").append(one);
    fail(key, rule);
}

void SettingsReader::pointer(std::string_view key, std::string& out) {
    text(key, out);
    if (!core::parse_json_pointer(out))
        fail(key, "is a JSON Pointer such as /data/access_token (RFC 6901)");
}

void SettingsReader::optional_pointer(std::string_view key, std::optional<std::string>& out) {
    std::string found;
    pointer(key, found);
    if (settings_.contains(key)) out = std::move(found);
}

void SettingsReader::time(std::string_view key, std::optional<core::SystemTime>& out) {
    std::string found;
    text(key, found);
    if (!settings_.contains(key)) return;
    out = core::parse_time(found);
    if (!out) fail(key, "is a time such as 2027-01-31T00:00:00Z");
}

void SettingsReader::texts(std::string_view key, std::vector<std::string>& out) {
    const json::value* value = member(key);
    if (value == nullptr) return;
    const json::array* array = value->if_array();
    const auto is_text = [](const json::value& one) { return one.is_string(); };
    if (array == nullptr || !std::all_of(array->begin(), array->end(), is_text))
        return fail(key, "is an array of texts");
    out.clear();
    for (const json::value& one : *array) out.emplace_back(one.get_string());
}

void SettingsReader::fields(std::string_view key, storage::Fields& out) {
    const json::value* value = member(key);
    if (value == nullptr) return;
    if (!value->is_object()) return fail(key, "is an object of texts");
    out.clear();
    for (const json::key_value_pair& one : value->get_object()) {
        if (!one.value().is_string()) return fail(key, "is an object of texts");
        out.emplace_back(one.key(), one.value().get_string());
    }
}

void SettingsReader::check(std::string_view key, const core::Result<>& checked) {
    if (checked) return;
    fail(key, core::string_member(checked.error().details, "rule").value_or(""));
}

void SettingsReader::header(std::string_view key, http::HeaderRole role, std::string& out) {
    text(key, out);
    if (!out.empty()) check(key, http::check_header_name(out, role, key));
}

void SettingsReader::headers(std::string_view key, http::HeaderRole role, storage::Fields& out) {
    fields(key, out);
    for (const auto& [name, value] : out) {
        check(key, http::check_header_name(name, role, key));
        check(key, http::validate_header(name, value, key));
    }
}

void SettingsReader::object(std::string_view key, json::object& out) {
    const json::value* value = member(key);
    if (value == nullptr) return;
    if (!value->is_object()) return fail(key, "is an object");
    out = value->get_object();
}

std::optional<std::int64_t> SettingsReader::integer(std::string_view key, std::int64_t low,
                                                    std::int64_t high) {
    const json::value* value = member(key);
    if (value == nullptr) return std::nullopt;
    json::error_code ec;
    const auto number = value->to_number<std::int64_t>(ec);
    if (!ec && number >= low && number <= high) return number;
    fail(key, "is a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return std::nullopt;
}

std::optional<core::Error> SettingsReader::finish() {
    for (const auto& member : settings_) {
        if (std::find(known_.begin(), known_.end(), member.key()) != known_.end()) continue;
        std::string rule = "is not a setting; known are";
        for (const std::string& key : known_) rule.append(" ").append(key);
        fail(member.key(), rule);
    }
    return error_;
}

}  // namespace herald::providers
