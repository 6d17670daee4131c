#include "cli/commands/provider_transfer.h"

#include <boost/json/serialize.hpp>

#include "cli/commands/answers.h"
#include "cli/commands/event_data.h"
#include "cli/exit_code.h"
#include "core/encoding.h"
#include "providers/kind.h"

namespace herald::cli {
namespace {

namespace json = boost::json;
using core::Result;

constexpr std::size_t kMaxDocument = std::size_t{4} * 1024 * 1024;

std::string flag_of(std::string_view secret) {
    if (secret == "client_secret") return "--client-secret-file FILE";
    if (secret == "private_key") return "--private-key-file FILE";
    if (secret == "refresh_token") return "--refresh-token-file FILE";
    const auto name = secret.substr(std::min(secret.find('/') + 1, secret.size()));
    const std::string_view flag = secret.starts_with("secret_parameters/") ? "--secret-param "
                                  : secret.starts_with("secret_token_headers/")
                                      ? "--secret-token-header "
                                      : "--secret-header ";
    return std::string(flag) + std::string(name) + "=@FILE";
}

std::string what_is_left(const std::string& name, const json::array& secrets) {
    std::string command = "herald provider reset " + name;
    for (const json::value& secret : secrets) command += " " + flag_of(text_of(secret));
    return command + " && herald provider enable " + name;
}

Result<json::array> read_document(const std::string& source, Context& context) {
    auto text = read_text(context, source, "FILE", kMaxDocument);
    if (!text) return text.error();
    auto value = parse_answer(*text);
    if (value && value->is_array()) return std::move(value->as_array());
    return core::invalid_argument("FILE", "is a JSON array as `herald provider export` writes it");
}

}  // namespace

Result<int> export_providers(Context& context) {
    auto request = json_request("GET", std::string(kProviders));
    request.query["export"] = "true";
    auto answer = context.call(std::move(request));
    if (!answer) return answer.error();
    context.output().document(*answer);
    return kExitDone;
}

Result<int> import_providers(const std::string& source, Context& context) {
    auto document = read_document(source, context);
    if (!document) return document.error();
    json::array added;
    json::array rejected;
    for (json::value& entry : *document) {
        json::object* const provider = entry.if_object();
        if (provider == nullptr) {
            rejected.push_back(json::object{{"name", nullptr}, {"error", "is no JSON object"}});
            continue;
        }
        const std::string name = text_at(entry, "name");
        const json::array secrets = array_at(entry, "secrets");
        provider->erase("secrets");
        if (!secrets.empty()) (*provider)["enabled"] = false;
        auto answer =
            context.call(json_request("POST", std::string(kProviders), json::serialize(entry)),
                         DatabaseUse::kMayCreate);
        if (!answer) {
            rejected.push_back(json::object{{"name", core::printable(name, 64)},
                                            {"error", answer.error().message}});
            continue;
        }
        json::object one{{"name", name}, {"then", nullptr}};
        if (!secrets.empty()) one["then"] = what_is_left(name, secrets);
        added.push_back(std::move(one));
    }
    const bool whole = rejected.empty();
    const json::object summary{{"added", std::move(added)}, {"rejected", std::move(rejected)}};
    if (context.output().is_json()) {
        context.output().document(json::serialize(summary));
        return whole ? kExitDone : kExitFailed;
    }
    for (const json::value& one : summary.at("added").as_array()) {
        context.output().line("added " + text_at(one, "name"));
        if (const std::string then = text_at(one, "then"); !then.empty())
            context.output().line("  it is disabled until it has its secrets: " + then);
    }
    for (const json::value& one : summary.at("rejected").as_array())
        context.output().warning(text_at(one, "name") + ": " + text_at(one, "error"));
    return whole ? kExitDone : kExitFailed;
}

Result<int> list_kinds(Context& context) {
    json::array kinds;
    for (const providers::Kind* kind : providers::all_kinds()) {
        json::array settings;
        for (const providers::KindSetting& own : kind->own_settings)
            settings.emplace_back(own.name);
        kinds.push_back(json::object{{"name", kind->name},
                                     {"summary", kind->summary},
                                     {"grant_type", kind->grant_type},
                                     {"client_authentication", kind->client_authentication},
                                     {"settings", std::move(settings)}});
    }
    return print_list(context, json::serialize(kinds), {{"KIND", "name"}, {"FOR", "summary"}}, "");
}

}  // namespace herald::cli
