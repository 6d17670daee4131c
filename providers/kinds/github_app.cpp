// docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app: a JWT of the app
// (RS256, at most 10 minutes, issued a minute in the past against clock drift) buys the token of
// one installation: 201 with `token` and `expires_at`, an hour away.
#include <array>

#include "providers/kinds/kinds.h"

namespace herald::providers {
namespace {

constexpr std::array kOwn{KindSetting{
    .name = "installation", .help = "id of the app's installation", .is_required = true}};

}  // namespace

const Kind kGithubApp{
    .name = "github-app",
    .summary = "GitHub App installation: --client-id, --private-key-file, --installation",
    .client_authentication = "bearer_jwt",
    .base_url = "https://api.github.com",
    .token_endpoint = "{base_url}/app/installations/{installation}/access_tokens",
    .settings = R"({"token_encoding":"json","send_grant_type":false,"jwt_algorithm":"RS256",
                    "jwt_backdate_s":60,"jwt_lifetime_s":540,"access_token_pointer":"/token",
                    "expiry_pointer":"/expires_at",
                    "token_headers":{"X-GitHub-Api-Version":"2022-11-28"}})",
    .own_settings = kOwn};

}  // namespace herald::providers
