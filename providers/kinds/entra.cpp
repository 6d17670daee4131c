// Microsoft identity platform, client credentials with a secret or a certificate:
// learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and
// /certificate-credentials (PS256, x5t#S256, aud is the token endpoint).
#include <array>

#include "providers/kinds/kinds.h"

namespace herald::providers {
namespace {

constexpr std::array kOwn{
    KindSetting{.name = "tenant", .help = "directory (tenant) id or domain", .is_required = true}};

// Anything else is refused with AADSTS1002012 or AADSTS70011.
core::Result<> check(const storage::ProviderRecord& record, const boost::json::object&) {
    if (record.grant_type != "client_credentials") return {};
    const bool has_one_resource =
        record.scopes.size() == 1 && record.scopes.front().ends_with("/.default");
    if (has_one_resource) return {};
    return core::invalid_argument(
        "scopes",
        "the client credentials grant of Entra takes one scope, a resource "
        "and /.default: --scope https://graph.microsoft.com/.default");
}

}  // namespace

const Kind kEntra{.name = "entra",
                  .summary = "Microsoft Entra ID (Azure AD): --tenant",
                  .base_url = "https://login.microsoftonline.com",
                  .token_endpoint = "{base_url}/{tenant}/oauth2/v2.0/token",
                  .authorization_endpoint = "{base_url}/{tenant}/oauth2/v2.0/authorize",
                  .device_authorization_endpoint = "{base_url}/{tenant}/oauth2/v2.0/devicecode",
                  .settings = R"({"jwt_algorithm":"PS256","jwt_audience":"token_endpoint",
                    "jwt_thumbprint":"x5t#S256"})",
                  .own_settings = kOwn,
                  .check = check};

}  // namespace herald::providers
