// help.salesforce.com, "OAuth Authorization Flows" and the discovery document of
// login.salesforce.com: no expires_in, instance_url as base of the API, `id` names the organisation
// and the user; a session slides and is learned of by introspection.
#include <array>

#include "core/encoding.h"
#include "core/json.h"
#include "providers/kinds/kinds.h"
#include "providers/kinds/salesforce_id.h"

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Result;

constexpr std::array kOwn{
    KindSetting{.name = "org_id", .help = "Org ID, 15 or 18 characters", .is_required = true},
    KindSetting{.name = "user_id", .help = "User ID, 15 or 18 characters", .is_required = true},
    KindSetting{.name = "username", .help = "user name, the subject of JWTs"},
    KindSetting{.name = "sandbox", .help = "the sandbox environment", .is_flag = true},
    KindSetting{.name = "my_domain",
                .help = "host of My Domain, as acme.my.salesforce.com; goes before --sandbox"}};

Result<std::string> base_of(const json::object& settings) {
    const std::string my_domain = setting_text(settings, "my_domain");
    if (!my_domain.empty()) return "https://" + my_domain;
    const bool sandbox = setting_flag(settings, "sandbox");
    return std::string(sandbox ? "https://test.salesforce.com" : "https://login.salesforce.com");
}

Result<> check_my_domain(const std::string& host) {
    if (host.empty()) return {};
    for (const std::string_view suffix : {".my.salesforce.com", ".my.site.com"}) {
        if (!host.ends_with(suffix)) continue;
        if (core::percent_encode(host) == host && host.find("--.") == std::string::npos) return {};
    }
    return core::invalid_argument("settings.my_domain",
                                  "'" + core::printable(host, 80) +
                                      "' is no My Domain host such as acme.my.salesforce.com, "
                                      "acme--dev.sandbox.my.salesforce.com or acme.my.site.com");
}

Result<> check(const storage::ProviderRecord& record, const json::object& settings) {
    if (auto ok = check_my_domain(setting_text(settings, "my_domain")); !ok) return ok;
    if (record.grant_type == "jwt_bearer" && setting_text(settings, "username").empty() &&
        setting_text(settings, "jwt_subject").empty()) {
        return core::invalid_argument("settings.username",
                                      "is the subject of the JWT; give it with --username");
    }
    return {};
}

Result<> normalize(storage::ProviderRecord& record) {
    for (const auto& [key, prefix] : {std::pair("org_id", "00D"), std::pair("user_id", "005")}) {
        const std::string given = setting_text(record.settings, key);
        if (given.empty()) continue;
        auto id = normalize_salesforce_id(given, prefix, std::string("settings.") + key);
        if (!id) return id.error();
        record.settings[key] = *id;
    }
    return {};
}

// Each environment has its own organisation and users.
Result<> check_change(const storage::ProviderRecord& before, const storage::ProviderRecord& after) {
    const auto base_before = base_of(before.settings);
    const auto base_after = base_of(after.settings);
    if (before.kind != after.kind || *base_before == *base_after) return {};
    for (const char* key : {"org_id", "user_id"}) {
        if (setting_text(before.settings, key) != setting_text(after.settings, key)) continue;
        return core::invalid_argument(
            std::string("settings.") + key,
            "each Salesforce environment has its own ids; give --org-id and --user-id of the new "
            "one together with the switch from " +
                *base_before + " to " + *base_after);
    }
    return {};
}

core::Error refused(const std::string& why) {
    core::Error error{
        .kind = core::ErrorKind::kUnauthorized, .code = "oauth_error", .message = why};
    error.details["class"] = "oauth";
    error.details["error"] = "identity_mismatch";
    error.details["error_description"] = why;
    return error;
}

// `id` is https://login.salesforce.com/id/<org>/<user> (O-144).
Result<> check_token(const json::object& settings, const json::object& attributes) {
    const auto identity = core::string_member(attributes, "id");
    if (!identity) return {};
    const auto last = identity->rfind('/');
    const auto first =
        last == std::string::npos || last == 0 ? last : identity->rfind('/', last - 1);
    if (first == std::string::npos)
        return refused("the token response names its user in a form that is not understood");
    const auto org =
        normalize_salesforce_id(identity->substr(first + 1, last - first - 1), "00D", "id");
    const auto user = normalize_salesforce_id(identity->substr(last + 1), "005", "id");
    const std::string wanted_org = setting_text(settings, "org_id");
    const std::string wanted_user = setting_text(settings, "user_id");
    if (!org || !user || *org != wanted_org || *user != wanted_user) {
        return refused("the token is for organisation " + (org ? *org : "?") + " and user " +
                       (user ? *user : "?") + ", configured are " + wanted_org + " and " +
                       wanted_user + "; the token was not taken");
    }
    return {};
}

// An array of {errorCode}: 401 INVALID_SESSION_ID at the REST API, 400 InvalidSessionId at the bulk
// API; the identity URL says 403 and the bare word Bad_OAuth_Token.
bool refuses_token(const http::Response& response) {
    if (response.status == 403) return core::trim(response.body) == "Bad_OAuth_Token";
    if (response.status != 400) return false;
    return response.body.size() < 4096 &&
           response.body.find("InvalidSessionId") != std::string::npos;
}

}  // namespace

// Sessions last 15 minutes at least; how long, introspection tells.
const Kind kSalesforce{
    .name = "salesforce",
    .summary =
        "Salesforce: --org-id, --user-id, --sandbox or --my-domain; JWT, refresh token or set-up",
    .grant_type = "authorization_code",
    .token_endpoint = "{base_url}/services/oauth2/token",
    .revocation_endpoint = "{base_url}/services/oauth2/revoke",
    .test_endpoint = "{base_url}/services/oauth2/userinfo",
    .introspection_endpoint = "{base_url}/services/oauth2/introspect",
    .authorization_endpoint = "{base_url}/services/oauth2/authorize",
    .may_hide_active_tokens = true,
    .settings = R"({"assumed_lifetime_s":900,"introspect_expiry":true,"jwt_algorithm":"RS256",
                    "jwt_audience":"base_url","base_attribute":"instance_url",
                    "kept_attributes":["id","instance_url"],
                    "base_hosts":["*.salesforce.com","*.force.com","*.site.com",
                                  "*.cloudforce.com"]})",
    .own_settings = kOwn,
    .base_of = base_of,
    .check = check,
    .normalize = normalize,
    .check_change = check_change,
    .check_token = check_token,
    .refuses_token = refuses_token};

}  // namespace herald::providers
