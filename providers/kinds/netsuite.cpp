// Oracle NetSuite help, "OAuth 2.0 Client Credentials Flow": a JWT per request (PS256 or ES256, the
// certificate's id as kid, good for less than an hour and here for a minute), the scope inside it.
#include <algorithm>
#include <array>

#include "core/encoding.h"
#include "providers/kinds/kinds.h"

namespace herald::providers {
namespace {

constexpr std::array kOwn{KindSetting{
    .name = "account", .help = "account id, as 123456 or 123456_SB1", .is_required = true}};

// A sandbox is 123456_SB1 to people and 123456-sb1 in the host name.
core::Result<std::string> base_of(const boost::json::object& settings) {
    std::string account = core::to_lower(setting_text(settings, "account"));
    std::replace(account.begin(), account.end(), '_', '-');
    return "https://" + account + ".suitetalk.api.netsuite.com";
}

core::Result<> check(const storage::ProviderRecord& record, const boost::json::object& settings) {
    const std::string account = setting_text(settings, "account");
    const bool clean = std::all_of(account.begin(), account.end(), [](unsigned char c) {
        return c == '_' || c == '-' || (c >= '0' && c <= '9') || (c | 0x20U) - 'a' < 26U;
    });
    if (!clean) return core::invalid_argument("settings.account", "has letters, digits and _ only");
    if (setting_text(settings, "jwt_key_id").empty()) {
        return core::invalid_argument("settings.jwt_key_id",
                                      "is the certificate's id in NetSuite; give it with --setting "
                                      "jwt_key_id=ID");
    }
    if (record.scopes.empty()) {
        return core::invalid_argument(
            "scopes", "NetSuite wants restlets, rest_webservices or suite_analytics (--scope)");
    }
    return {};
}

}  // namespace

const Kind kNetsuite{
    .name = "netsuite",
    .summary =
        "Oracle NetSuite: --account, --private-key-file, --setting jwt_key_id=CERTIFICATE-ID",
    .client_authentication = "private_key_jwt",
    .token_endpoint = "{base_url}/services/rest/auth/oauth2/v1/token",
    .settings = R"({"send_client_id":false,"jwt_audience":"token_endpoint","jwt_scope":true,
                    "jwt_lifetime_s":50,"scope_separator":","})",
    .own_settings = kOwn,
    .base_of = base_of,
    .check = check};

}  // namespace herald::providers
