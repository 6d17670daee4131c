#include <set>

#include "api/json_text.h"
#include "api/json_view.h"
#include "providers/credentials.h"
#include "providers/provider_rules.h"
#include "providers/settings.h"

namespace herald::api {
namespace {

namespace json = boost::json;

json::value set_or_null(bool is_set) {
    if (!is_set) return nullptr;
    return json::value("set");
}

json::array texts_json(const std::vector<std::string>& texts) {
    json::array out;
    for (const std::string& text : texts) out.emplace_back(shown(text));
    return out;
}

bool is_usable(const storage::TokenRecord* token, core::StoredTime now) {
    return token != nullptr && token->access_token && token->expires_at > now;
}

void add_token_members(json::object& out, const storage::TokenRecord& token,
                       const core::Clock& clock) {
    out["generation"] = token.generation;
    out["obtained_at"] = time_json(token.obtained_at, clock);
    out["expires_at"] = time_json(token.expires_at, clock);
    out["scopes"] = texts_json(token.scopes);
    out["fingerprint"] = token.access_token->fingerprint();
    out["type"] = token.token_type;
    out["attributes"] = token.attributes;
}

json::value last_error_json(const std::optional<storage::ProviderError>& error,
                            const core::Clock& clock) {
    if (!error) return nullptr;
    json::object out;
    out["class"] = error->error_class;
    out["code"] = shown(error->code);
    out["description"] = shown(error->description);
    out["status"] = or_null(error->status);
    out["at"] = time_json(error->at, clock);
    return out;
}

json::array further_secrets_json(const std::vector<storage::ClientSecret>& secrets) {
    json::array out;
    for (const storage::ClientSecret& secret : secrets) {
        out.push_back(json::object{
            {"fingerprint", secret.value.fingerprint()},
            {"not_before", secret.not_before ? time_json(*secret.not_before) : nullptr},
            {"not_after", secret.not_after ? time_json(*secret.not_after) : nullptr}});
    }
    return out;
}

// Those that are used: the record's own, its issuer's or its kind's.
void add_endpoints(json::object& out, const storage::ProviderRecord& record) {
    providers::Endpoints used;
    used.token = record.token_endpoint;
    used.revocation = record.revocation_endpoint;
    used.test = record.test_endpoint;
    if (auto settings = providers::ProviderSettings::of(record))
        used = std::move(settings->endpoints);
    out["token_endpoint"] = used.token.empty() ? json::value(nullptr) : json::value(used.token);
    out["revocation_endpoint"] = text_or_null(used.revocation);
    out["test_endpoint"] = text_or_null(used.test);
    out["endpoints"] =
        json::object{{"refresh", text_or_null(used.refresh)},
                     {"introspection", text_or_null(used.introspection)},
                     {"authorization", text_or_null(used.authorization)},
                     {"device_authorization", text_or_null(used.device_authorization)}};
}

/// Of the provider and of its token.
json::array unreadable_json(const storage::ProviderRecord& record,
                            const storage::TokenRecord* token) {
    json::array out = texts_json(record.unreadable_secrets);
    if (token == nullptr) return out;
    for (const std::string& column : token->unreadable_secrets) out.emplace_back(column);
    return out;
}

json::array warnings_json(const storage::ProviderRecord& record, core::SystemTime now) {
    json::array out;
    const auto settings = providers::ProviderSettings::of(record);
    if (!settings) return out;
    for (const std::string& warning : providers::expiry_warnings(record, *settings, now))
        out.emplace_back(warning);
    return out;
}

void add_configuration(json::object& out, const storage::ProviderRecord& record) {
    out["grant_type"] = record.grant_type;
    out["client_id"] = record.client_id;
    out["client_secret"] = set_or_null(record.client_secret.has_value());
    out["further_secrets"] = further_secrets_json(record.further_secrets);
    out["secret_in_use"] = record.secret_in_use;
    out["private_key"] = set_or_null(record.private_key.has_value());
    out["certificate"] = set_or_null(record.certificate.has_value());
    out["client_authentication"] = record.client_authentication;
    add_endpoints(out, record);
    out["issuer"] = text_or_null(record.issuer);
    out["scopes"] = texts_json(record.scopes);
    out["parameters"] = fields_json(record.parameters);
    out["secret_parameters"] = secret_fields_json(record.secret_parameters);
    out["secret_token_headers"] = secret_fields_json(record.secret_token_headers);
    out["secret_callout_headers"] = secret_fields_json(record.secret_callout_headers);
    out["audience"] = text_or_null(record.audience);
    out["resources"] = texts_json(record.resources);
    out["settings"] = record.settings;
}

void add_names(json::array& out, std::string_view member, const storage::SecretFields& fields) {
    for (const auto& [name, value] : fields)
        out.emplace_back(std::string(member) + "/" + shown(name));
}

}  // namespace

json::value fields_json(const storage::Fields& fields) {
    std::set<std::string_view> names;
    for (const auto& [name, value] : fields) names.insert(name);
    if (names.size() == fields.size()) {
        json::object out;
        for (const auto& [name, value] : fields) out[name] = shown(value);
        return out;
    }
    json::array out;
    for (const auto& [name, value] : fields) out.push_back(json::array{name, shown(value)});
    return out;
}

json::object secret_fields_json(const storage::SecretFields& fields) {
    json::object out;
    for (const auto& [name, value] : fields) out[shown(name)] = "set";
    return out;
}

json::object provider_json(const storage::ProviderRecord& record, const storage::TokenRecord* token,
                           const std::vector<std::string>& used_by, const core::Clock& clock) {
    const core::StoredTime now = clock.stored_now();
    json::object out;
    out["id"] = record.id.text();
    out["name"] = record.name;
    out["kind"] = record.kind;
    out["enabled"] = record.enabled;
    add_configuration(out, record);
    out["state"] = providers::provider_state(record, token, now);
    out["token"] = nullptr;
    if (is_usable(token, now)) add_token_members(out["token"].emplace_object(), *token, clock);
    out["refresh_token"] = set_or_null(token != nullptr && token->refresh_token.has_value());
    out["last_error"] = last_error_json(record.last_error, clock);
    out["unreadable_secrets"] = unreadable_json(record, token);
    out["warnings"] = warnings_json(record, clock.system_now());
    out["used_by"] = texts_json(used_by);
    out["token_requests"] = record.token_requests;
    out["created_at"] = time_json(record.created_at, clock);
    out["updated_at"] = time_json(record.updated_at, clock);
    return out;
}

json::object provider_export_json(const storage::ProviderRecord& record, bool has_refresh_token) {
    json::object out;
    out["name"] = record.name;
    out["kind"] = record.kind;
    out["enabled"] = record.enabled;
    out["grant_type"] = record.grant_type;
    out["client_id"] = record.client_id;
    out["client_authentication"] = record.client_authentication;
    out["token_endpoint"] = record.token_endpoint;
    out["revocation_endpoint"] = text_or_null(record.revocation_endpoint);
    out["test_endpoint"] = text_or_null(record.test_endpoint);
    out["issuer"] = text_or_null(record.issuer);
    out["certificate"] = text_or_null(record.certificate);
    out["scopes"] = texts_json(record.scopes);
    out["parameters"] = fields_json(record.parameters);
    out["audience"] = text_or_null(record.audience);
    out["resources"] = texts_json(record.resources);
    out["settings"] = record.settings;
    json::array secrets;
    if (record.client_secret) secrets.emplace_back("client_secret");
    if (record.private_key) secrets.emplace_back("private_key");
    if (has_refresh_token) secrets.emplace_back("refresh_token");
    add_names(secrets, "secret_parameters", record.secret_parameters);
    add_names(secrets, "secret_token_headers", record.secret_token_headers);
    add_names(secrets, "secret_callout_headers", record.secret_callout_headers);
    out["secrets"] = std::move(secrets);
    return out;
}

json::object token_json(const storage::ProviderRecord& record, const storage::TokenRecord* token,
                        const core::Clock& clock) {
    const core::StoredTime now = clock.stored_now();
    json::object out;
    out["provider"] = record.name;
    out["state"] = providers::provider_state(record, token, now);
    if (is_usable(token, now)) {
        add_token_members(out, *token, clock);
        return out;
    }
    for (const char* member : {"generation", "obtained_at", "expires_at", "scopes", "fingerprint",
                               "type", "attributes"}) {
        out[member] = nullptr;
    }
    return out;
}

json::object token_test_json(const std::string& provider,
                             const providers::TokenTestResult& result) {
    json::object out;
    out["provider"] = provider;
    out["ok"] = or_null(result.ok);
    out["verdict"] = result.verdict;
    out["reason"] = result.reason.empty() ? json::value(nullptr) : json::value(result.reason);
    out["kind"] = result.kind;
    out["status"] = or_null(result.status);
    out["latency_ms"] = result.latency.count();
    return out;
}

}  // namespace herald::api
