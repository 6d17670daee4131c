// www.keycloak.org/securing-apps/oidc-layers: every realm is an issuer of its own under the
// server's base URL. Releases before 26.4 allow no clock skew on nbf and iat.
#include <array>

#include "providers/kinds/kinds.h"

namespace herald::providers {
namespace {

constexpr std::array kOwn{
    KindSetting{.name = "realm", .help = "name of the realm", .is_required = true}};

}  // namespace

const Kind kKeycloak{
    .name = "keycloak",
    .summary = "Keycloak: --base-url and --realm",
    .token_endpoint = "{base_url}/realms/{realm}/protocol/openid-connect/token",
    .revocation_endpoint = "{base_url}/realms/{realm}/protocol/openid-connect/revoke",
    .introspection_endpoint = "{base_url}/realms/{realm}/protocol/openid-connect/token/introspect",
    .authorization_endpoint = "{base_url}/realms/{realm}/protocol/openid-connect/auth",
    .device_authorization_endpoint =
        "{base_url}/realms/{realm}/protocol/openid-connect/auth/device",
    .settings = R"({"device_pkce":true})",
    .own_settings = kOwn};

}  // namespace herald::providers
