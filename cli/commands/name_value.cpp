#include "cli/commands/name_value.h"

#include <boost/json/parse.hpp>

#include "core/encoding.h"
#include "core/json.h"
#include "core/text_rules.h"

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

core::Result<std::string> secret_fields_of(const std::vector<std::string>& texts,
                                           std::string_view option, SecretInput& secrets) {
    std::string object("{");
    for (const auto& text : texts) {
        const auto at = text.find('=');
        const std::string name(core::trim(std::string_view(text).substr(0, at)));
        const std::string source = at == std::string::npos ? "" : text.substr(at + 1);
        const bool is_file = source.size() > 1 && source.starts_with('@');
        if (name.empty() || at == std::string::npos || !(source.empty() || is_file)) {
            core::wipe(object);
            return core::invalid_argument(
                option,
                "must have the form NAME=@FILE, @- for standard input, or NAME= to take it away; "
                "secrets are not given as arguments");
        }
        object.append(object.size() > 1 ? "," : "").append("\"").append(core::escape_json(name));
        object.append("\":");
        if (source.empty()) {
            object.append("null");
            continue;
        }
        auto secret = secrets.read(source.substr(1), option);
        if (!secret) {
            core::wipe(object);
            return secret.error();
        }
        std::string escaped = core::escape_json(secret->reveal());
        object.append("\"").append(escaped).append("\"");
        core::wipe(escaped);
    }
    return object.append("}");
}

json::array query_pairs_of(std::string_view url) {
    json::array pairs;
    const auto question = url.find('?');
    if (question == std::string_view::npos) return pairs;
    for (std::string_view rest = url.substr(question + 1); !rest.empty();) {
        const std::string_view field = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), field.size() + 1));
        const std::size_t equals = field.find('=');
        if (equals != std::string_view::npos)
            pairs.push_back(json::array{field.substr(0, equals), field.substr(equals + 1)});
    }
    return pairs;
}

std::vector<std::string> warnings_of(const json::array& pairs, std::string_view what,
                                     std::string_view option) {
    std::vector<std::string> warnings;
    for (const json::value& pair : pairs) {
        const std::string name(pair.as_array().at(0).as_string());
        const std::string_view value = pair.as_array().at(1).as_string();
        const bool is_literal = !value.empty() && value.find("{{") == std::string_view::npos;
        if (!is_literal || !core::names_a_credential(name)) continue;
        warnings.push_back("the " + std::string(what) + " '" + core::printable(name, 64) +
                           "' looks like a credential, is kept in the clear and shown; seal it "
                           "with " +
                           std::string(option) + " " + core::printable(name, 64) + "=@FILE");
    }
    return warnings;
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
