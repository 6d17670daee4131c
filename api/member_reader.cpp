#include "api/member_reader.h"

#include <algorithm>

#include "core/encoding.h"

namespace herald::api {
namespace {

namespace json = boost::json;

std::optional<std::int64_t> whole_number(const json::value& value) {
    if (value.is_int64()) return value.as_int64();
    return std::nullopt;
}

std::optional<storage::Fields> fields_of(const json::object& object) {
    storage::Fields out;
    for (const json::key_value_pair& member : object) {
        if (!member.value().is_string()) return std::nullopt;
        out.emplace_back(std::string(member.key()), std::string(member.value().as_string()));
    }
    return out;
}

std::optional<storage::Fields> fields_of(const json::array& pairs) {
    storage::Fields out;
    for (const json::value& pair : pairs) {
        const json::array* both = pair.if_array();
        if (both == nullptr || both->size() != 2) return std::nullopt;
        if (!both->at(0).is_string() || !both->at(1).is_string()) return std::nullopt;
        out.emplace_back(std::string(both->at(0).as_string()),
                         std::string(both->at(1).as_string()));
    }
    return out;
}

std::optional<storage::Fields> fields_of(const json::value& value) {
    if (value.is_object()) return fields_of(value.get_object());
    if (value.is_array()) return fields_of(value.get_array());
    return std::nullopt;
}

}  // namespace

MemberReader::MemberReader(const json::object& object, std::string path)
    : object_(object), path_(std::move(path)) {}

std::string MemberReader::field(std::string_view key) const {
    return path_ + std::string(key);
}

void MemberReader::text(std::string_view key, std::string& into) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    if (!value->is_string()) return refuse(key, "a string is expected");
    into = std::string(value->get_string());
}

void MemberReader::optional_text(std::string_view key, std::optional<std::string>& into) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    if (value->is_null()) return into.reset();
    if (!value->is_string()) return refuse(key, "a string or null is expected");
    into = std::string(value->get_string());
}

void MemberReader::flag(std::string_view key, bool& into) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    if (!value->is_bool()) return refuse(key, "true or false is expected");
    into = value->get_bool();
}

void MemberReader::whole(std::string_view key, std::int64_t& into) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    const auto number = whole_number(*value);
    if (!number) return refuse(key, "a whole number is expected");
    into = *number;
}

void MemberReader::optional_whole(std::string_view key, std::optional<std::int64_t>& into) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    if (value->is_null()) return into.reset();
    const auto number = whole_number(*value);
    if (!number) return refuse(key, "a whole number or null is expected");
    into = *number;
}

void MemberReader::optional_number(std::string_view key, std::optional<double>& into) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    if (value->is_null()) return into.reset();
    if (!value->is_number()) return refuse(key, "a number or null is expected");
    into = value->to_number<double>();
}

void MemberReader::texts(std::string_view key, std::vector<std::string>& into) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    const json::array* array = value->if_array();
    const auto is_text = [](const json::value& element) { return element.is_string(); };
    if (array == nullptr || !std::all_of(array->begin(), array->end(), is_text)) {
        return refuse(key, "an array of strings is expected");
    }
    into.clear();
    for (const json::value& element : *array) into.emplace_back(element.get_string());
}

void MemberReader::fields(std::string_view key, storage::Fields& into) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    auto read = fields_of(*value);
    if (!read) return refuse(key, "an object of strings is expected, or an array of [name, value]");
    into = std::move(*read);
}

void MemberReader::secret(std::string_view key, std::optional<core::Secret>& into) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    if (value->is_null()) return into.reset();
    if (!value->is_string() || value->get_string().empty()) {
        return refuse(key, "a string that is not empty is expected, or null to clear it");
    }
    if (value->get_string() == "set") {
        return refuse(key,
                      "\"set\" only stands for the secret in answers; give the secret, or leave it "
                      "out to keep it");
    }
    into = core::Secret(value->get_string());
}

void MemberReader::secret_fields(std::string_view key, storage::SecretFields& into) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    if (!value->is_object()) return refuse(key, "an object of strings is expected");
    for (const auto& [name, secret] : value->get_object()) {
        std::erase_if(into, [&name = name](const auto& one) { return one.first == name; });
        if (secret.is_null()) continue;
        if (!secret.is_string() || secret.get_string().empty())
            return refuse(key, "each is a string that is not empty, or null to take it away");
        if (secret.get_string() == "set") {
            return refuse(key,
                          "\"set\" only stands for a secret in answers; give the secret, or leave "
                          "the name out to keep it");
        }
        into.emplace_back(name, core::Secret(secret.get_string()));
    }
}

void MemberReader::other(std::string_view key,
                         const std::function<core::Result<>(const json::value&)>& read) {
    const json::value* value = take(key);
    if (value == nullptr) return;
    if (auto done = read(*value); !done) trouble_ = done.error();
}

void MemberReader::read_only(std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys) {
        if (!trouble_ && object_.contains(key)) refuse(key, "is read-only");
    }
}

core::Result<> MemberReader::finish() const {
    if (trouble_) return *trouble_;
    for (const json::key_value_pair& member : object_) {
        const std::string key(member.key());
        if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
        std::string rule = "no such member; known are ";
        for (std::size_t i = 0; i < known_.size(); ++i)
            rule.append(i == 0 ? "" : ", ").append(known_[i]);
        return core::invalid_argument(path_ + core::printable(key, 64), rule);
    }
    return {};
}

const json::value* MemberReader::take(std::string_view key) {
    known_.emplace_back(key);
    if (trouble_) return nullptr;
    return object_.if_contains(key);
}

void MemberReader::refuse(std::string_view key, std::string_view rule) {
    if (!trouble_) trouble_ = core::invalid_argument(field(key), rule);
}

}  // namespace herald::api
