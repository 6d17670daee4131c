#include "cli/commands/name_value.h"

#include <boost/json/parse.hpp>

#include "core/encoding.h"

namespace herald::cli {
namespace json = boost::json;

namespace {

json::value typed_value(const std::string& text) {
    boost::system::error_code failure;
    auto value = json::parse(text, failure);
    return failure ? json::value(text) : value;
}

}  // namespace

core::Result<json::array> pairs_of(const std::vector<std::string>& texts, char separator,
                                   std::string_view option) {
    json::array pairs;
    for (const auto& text : texts) {
        const auto at = text.find(separator);
        const auto name = core::trim(std::string_view(text).substr(0, at));
        if (at == std::string::npos || name.empty()) {
            const std::string form = separator == ':' ? "'Name: value'" : "NAME=VALUE";
            return core::invalid_argument(option, "must have the form " + form);
        }
        const std::string_view rest = std::string_view(text).substr(at + 1);
        pairs.push_back(json::array{std::string(name),
                                    std::string(separator == ':' ? core::trim(rest) : rest)});
    }
    return pairs;
}

core::Result<json::object> settings_of(const std::vector<std::string>& texts,
                                       std::string_view option) {
    json::object settings;
    for (const auto& text : texts) {
        const auto at = text.find('=');
        if (at == std::string::npos || at == 0)
            return core::invalid_argument(option, "must have the form KEY=VALUE");
        const std::string key = text.substr(0, at);
        if (settings.contains(key))
            return core::invalid_argument(option, "'" + key + "' is given twice");
        settings[key] = typed_value(text.substr(at + 1));
    }
    return settings;
}

}  // namespace herald::cli
