// developers.docusign.com/platform/auth/jwt-get-token: the JWT grant for an impersonated user; the
// audience is the account server's host without a scheme; `consent_required` asks for a person
// once.
#include <array>

#include "providers/kinds/kinds.h"

namespace herald::providers {
namespace {

constexpr std::array kOwn{
    KindSetting{.name = "subject", .help = "user id (GUID) to impersonate", .is_required = true},
    KindSetting{.name = "sandbox", .help = "the demo environment", .is_flag = true}};

core::Result<std::string> base_of(const boost::json::object& settings) {
    const bool sandbox = setting_flag(settings, "sandbox");
    return std::string(sandbox ? "https://account-d.docusign.com" : "https://account.docusign.com");
}

}  // namespace

const Kind kDocusign{
    .name = "docusign",
    .summary =
        "DocuSign JWT grant: --client-id INTEGRATION-KEY, --subject USER, --private-key-file",
    .grant_type = "jwt_bearer",
    .client_authentication = "none",
    .token_endpoint = "{base_url}/oauth/token",
    .test_endpoint = "{base_url}/oauth/userinfo",
    .settings = R"({"send_client_id":false,"jwt_algorithm":"RS256","jwt_audience":"token_host",
                    "jwt_scope":true,"jwt_lifetime_s":3600})",
    .own_settings = kOwn,
    .base_of = base_of};

}  // namespace herald::providers
