#include "storage/sqlite/json_columns.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "storage/sqlite/failure.h"

namespace herald::storage::sqlite {
namespace {

namespace json = boost::json;

/// Boost.JSON throws where the text is no JSON or a value has another type: then the row is
/// damaged.
template <class Read>
auto parsed(std::string_view text, const Read& read) {
    try {
        const json::value value = json::parse(text, {}, {.max_depth = 64});
        return read(value);
    } catch (const std::exception& exception) {
        throw Refusal(
            storage_error(std::string("a stored list or object is damaged: ") + exception.what()));
    }
}

std::string text_of(const json::value& value) {
    return std::string(value.as_string());
}

}  // namespace

std::string to_json(const std::vector<std::string>& texts) {
    json::array array;
    for (const std::string& text : texts) array.emplace_back(text);
    return json::serialize(array);
}

std::string to_json(const Fields& fields) {
    json::array array;
    for (const auto& [name, value] : fields) array.emplace_back(json::array{name, value});
    return json::serialize(array);
}

std::string to_json(const std::vector<std::chrono::seconds>& durations) {
    json::array array;
    for (const auto duration : durations) array.emplace_back(duration.count());
    return json::serialize(array);
}

std::string to_json(const json::object& object) {
    return json::serialize(object);
}

std::optional<std::string> to_json(const std::optional<ProviderError>& error) {
    if (!error) return std::nullopt;
    json::object object;
    object["class"] = error->error_class;
    object["code"] = error->code;
    object["description"] = error->description;
    if (error->status) object["status"] = *error->status;
    object["at"] = error->at.time_since_epoch().count();
    return json::serialize(object);
}

std::string to_json(const BreakerSettings& breaker) {
    return json::serialize(json::object{{"enabled", breaker.enabled},
                                        {"failure_percent", breaker.failure_percent},
                                        {"min_attempts", breaker.min_attempts},
                                        {"window_s", breaker.window.count()},
                                        {"open_s", breaker.open_for.count()},
                                        {"max_open_s", breaker.open_for_at_most.count()}});
}

std::string to_json(const std::vector<ClientSecret>& secrets) {
    json::array array;
    const auto time_or_null = [](const std::optional<core::SystemTime>& at) -> json::value {
        if (!at) return nullptr;
        return at->time_since_epoch().count();
    };
    for (const ClientSecret& secret : secrets) {
        array.emplace_back(json::array{secret.value.reveal(), time_or_null(secret.not_before),
                                       time_or_null(secret.not_after)});
    }
    return json::serialize(array);
}

std::optional<core::Secret> secret_fields_text(std::initializer_list<const SecretFields*> lists) {
    json::array all;
    bool is_empty = true;
    for (const SecretFields* list : lists) {
        json::array fields;
        for (const auto& [name, value] : *list) fields.push_back(json::array{name, value.reveal()});
        is_empty = is_empty && list->empty();
        all.push_back(std::move(fields));
    }
    if (is_empty) return std::nullopt;
    return core::Secret::take(json::serialize(all));
}

void read_secret_fields(const std::optional<core::Secret>& text,
                        std::initializer_list<SecretFields*> lists) {
    if (!text) return;
    parsed(text->reveal(), [&](const json::value& value) {
        const json::array& all = value.as_array();
        std::size_t number = 0;
        for (SecretFields* list : lists) {
            for (const json::value& field : all.at(number).as_array()) {
                const json::array& pair = field.as_array();
                list->emplace_back(text_of(pair.at(0)), core::Secret(pair.at(1).as_string()));
            }
            ++number;
        }
    });
}

std::vector<core::Secret> secrets_from(std::string_view json) {
    return parsed(json, [](const json::value& value) {
        std::vector<core::Secret> secrets;
        for (const json::value& item : value.as_array()) secrets.emplace_back(item.as_string());
        return secrets;
    });
}

std::vector<ClientSecret> client_secrets_from(std::string_view json) {
    return parsed(json, [](const json::value& value) {
        const auto time_of = [](const json::value& at) -> std::optional<core::SystemTime> {
            if (at.is_null()) return std::nullopt;
            return core::SystemTime(std::chrono::milliseconds(at.as_int64()));
        };
        std::vector<ClientSecret> secrets;
        for (const json::value& item : value.as_array()) {
            const json::array& parts = item.as_array();
            secrets.push_back({.value = core::Secret(parts.at(0).as_string()),
                               .not_before = time_of(parts.at(1)),
                               .not_after = time_of(parts.at(2))});
        }
        return secrets;
    });
}

std::vector<std::string> texts_from(std::string_view json) {
    return parsed(json, [](const json::value& value) {
        std::vector<std::string> texts;
        for (const json::value& item : value.as_array()) texts.push_back(text_of(item));
        return texts;
    });
}

Fields fields_from(std::string_view json) {
    return parsed(json, [](const json::value& value) {
        Fields fields;
        for (const json::value& item : value.as_array()) {
            fields.emplace_back(text_of(item.as_array().at(0)), text_of(item.as_array().at(1)));
        }
        return fields;
    });
}

std::vector<std::chrono::seconds> durations_from(std::string_view json) {
    return parsed(json, [](const json::value& value) {
        std::vector<std::chrono::seconds> durations;
        for (const json::value& item : value.as_array()) durations.emplace_back(item.as_int64());
        return durations;
    });
}

json::object object_from(std::string_view json) {
    return parsed(json, [](const json::value& value) { return value.as_object(); });
}

BreakerSettings breaker_from(std::string_view json) {
    return parsed(json, [](const json::value& value) {
        BreakerSettings breaker;
        const json::object& object = value.as_object();
        const auto number = [&object](std::string_view key, std::int64_t otherwise) {
            const json::value* found = object.if_contains(key);
            return found != nullptr ? found->as_int64() : otherwise;
        };
        if (const json::value* enabled = object.if_contains("enabled"))
            breaker.enabled = enabled->as_bool();
        breaker.failure_percent =
            static_cast<int>(number("failure_percent", breaker.failure_percent));
        breaker.min_attempts = static_cast<int>(number("min_attempts", breaker.min_attempts));
        breaker.window = std::chrono::seconds(number("window_s", breaker.window.count()));
        breaker.open_for = std::chrono::seconds(number("open_s", breaker.open_for.count()));
        breaker.open_for_at_most =
            std::chrono::seconds(number("max_open_s", breaker.open_for_at_most.count()));
        return breaker;
    });
}

std::optional<ProviderError> provider_error_from(const std::optional<std::string>& json) {
    if (!json) return std::nullopt;
    return parsed(*json, [](const json::value& value) {
        const json::object& object = value.as_object();
        ProviderError error{
            .error_class = text_of(object.at("class")),
            .code = text_of(object.at("code")),
            .description = text_of(object.at("description")),
            .status = std::nullopt,
            .at = core::StoredTime(std::chrono::milliseconds(object.at("at").as_int64()))};
        if (const json::value* status = object.if_contains("status")) {
            error.status = static_cast<int>(status->as_int64());
        }
        return error;
    });
}

}  // namespace herald::storage::sqlite
