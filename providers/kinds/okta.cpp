// developer.okta.com/docs/guides/implement-grant-type/clientcreds: tokens come from a custom
// authorization server of the organisation. Okta's own APIs take private_key_jwt only.
#include <array>

#include "providers/kinds/kinds.h"

namespace herald::providers {
namespace {

constexpr std::array kOwn{
    KindSetting{
        .name = "domain", .help = "your Okta domain, as dev-1.okta.com", .is_required = true},
    KindSetting{.name = "authorization_server",
                .help = "id of the custom authorization server",
                .fallback = "default"}};

}  // namespace

const Kind kOkta{
    .name = "okta",
    .summary = "Okta: --domain, optionally --authorization-server",
    .client_authentication = "client_secret_basic",
    .base_url = "https://{domain}",
    .token_endpoint = "{base_url}/oauth2/{authorization_server}/v1/token",
    .revocation_endpoint = "{base_url}/oauth2/{authorization_server}/v1/revoke",
    .introspection_endpoint = "{base_url}/oauth2/{authorization_server}/v1/introspect",
    .authorization_endpoint = "{base_url}/oauth2/{authorization_server}/v1/authorize",
    .device_authorization_endpoint = "{base_url}/oauth2/{authorization_server}/v1/device/authorize",
    .settings = R"({"jwt_audience":"token_endpoint"})",
    .own_settings = kOwn};

}  // namespace herald::providers
