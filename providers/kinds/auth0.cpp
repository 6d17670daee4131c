// auth0.com/docs/get-started/authentication-and-authorization-flow/client-credentials-flow: an
// audience is required, access tokens cannot be revoked, and machine tokens are counted by month.
#include <array>

#include "providers/kinds/kinds.h"

namespace herald::providers {
namespace {

constexpr std::array kOwn{KindSetting{
    .name = "domain", .help = "your Auth0 domain, as acme.eu.auth0.com", .is_required = true}};

core::Result<> check(const storage::ProviderRecord& record, const boost::json::object&) {
    if (record.grant_type != "client_credentials" || record.audience) return {};
    return core::invalid_argument("audience",
                                  "Auth0 gives tokens for an API only; name it with --audience");
}

}  // namespace

const Kind kAuth0{.name = "auth0",
                  .summary = "Auth0: --domain and --audience",
                  .base_url = "https://{domain}",
                  .token_endpoint = "{base_url}/oauth/token",
                  .authorization_endpoint = "{base_url}/authorize",
                  .device_authorization_endpoint = "{base_url}/oauth/device/code",
                  .own_settings = kOwn,
                  .check = check};

}  // namespace herald::providers
