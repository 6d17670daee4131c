// A service account: developers.google.com/identity/protocols/oauth2/service-account. The client id
// is the account's e-mail address, the scope stands in the assertion, there is no client
// authentication beside it, and a clock that is off is refused as "Token must be a short-lived
// token (60 minutes) and in a reasonable timeframe".
#include <array>

#include "providers/kinds/kinds.h"

namespace herald::providers {
namespace {

constexpr std::array kOwn{
    KindSetting{.name = "subject", .help = "user to act for (domain-wide delegation)"}};

}  // namespace

const Kind kGoogle{
    .name = "google",
    .summary =
        "Google service account: --client-id E-MAIL, --private-key-file (PEM or the JSON key)",
    .grant_type = "jwt_bearer",
    .client_authentication = "none",
    .base_url = "https://oauth2.googleapis.com",
    .token_endpoint = "{base_url}/token",
    .revocation_endpoint = "{base_url}/revoke",
    .settings = R"({"send_client_id":false,"jwt_algorithm":"RS256","jwt_audience":"token_endpoint",
                    "jwt_scope":true,"jwt_lifetime_s":3600,"revoke_auth":"none"})",
    .own_settings = kOwn};

}  // namespace herald::providers
