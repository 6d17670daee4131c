#include "providers/kind.h"

#include <boost/json/parse.hpp>

#include "core/json.h"

namespace herald::providers {

namespace json = boost::json;

json::object merged_settings(const storage::ProviderRecord& record) {
    json::object merged = json::parse(find_kind(record.kind)->settings).as_object();
    for (const json::key_value_pair& own : record.settings) merged[own.key()] = own.value();
    return merged;
}

std::string setting_text(const json::object& settings, std::string_view name) {
    return core::string_member(settings, name).value_or("");
}

bool setting_flag(const json::object& settings, std::string_view name) {
    const json::value* value = settings.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace herald::providers
