// Everything that plugs in, listed by hand: the order is visible and no linker can drop an entry.
#include <algorithm>
#include <array>

#include "providers/client_auth/assertions.h"
#include "providers/client_auth/client_secret_basic.h"
#include "providers/client_auth/client_secret_post.h"
#include "providers/client_auth/public_client.h"
#include "providers/client_auth/tls_client.h"
#include "providers/grant.h"
#include "providers/grants/authorization_code.h"
#include "providers/grants/client_credentials.h"
#include "providers/grants/device_code.h"
#include "providers/grants/jwt_bearer.h"
#include "providers/grants/refresh_token.h"
#include "providers/kinds/kinds.h"
#include "providers/provider_rules.h"

namespace herald::providers {
namespace {

const std::array kGrants = {&kClientCredentialsGrant, &kRefreshTokenGrant, &kJwtBearerGrant,
                            &kAuthorizationCodeGrant, &kDeviceCodeGrant};
const std::array kClientAuthentications = {
    &kClientSecretPost, &kClientSecretBasic, &kPrivateKeyJwt,       &kClientSecretJwt,
    &kBearerJwt,        &kTlsClient,         &kSelfSignedTlsClient, &kPublicClient};
constexpr std::array<const Kind*, 13> kKinds = {
    &kZuora,     &kSalesforce, &kEntra,    &kGoogle,   &kOkta,   &kAuth0,  &kKeycloak,
    &kGithubApp, &kServicenow, &kDocusign, &kNetsuite, &kPaypal, &kGeneric};

template <class Entries>
auto find(const Entries& entries, std::string_view name)
    -> std::remove_cvref_t<decltype(entries[0])> {
    for (const auto* entry : entries) {
        if (entry->name == name) return entry;
    }
    return nullptr;
}

template <class Entries>
auto names(const Entries& entries) {
    std::array<std::string_view, std::tuple_size_v<Entries>> out;
    std::transform(entries.begin(), entries.end(), out.begin(),
                   [](const auto* entry) { return entry->name; });
    return out;
}

}  // namespace

const Grant* find_grant(std::string_view name) {
    return find(kGrants, name);
}

const ClientAuthentication* find_client_authentication(std::string_view name) {
    return find(kClientAuthentications, name);
}

const Kind* find_kind(std::string_view name) {
    return find(kKinds, name);
}

std::span<const Kind* const> all_kinds() {
    return kKinds;
}

std::span<const std::string_view> known_kinds() {
    static const auto kNames = names(kKinds);
    return kNames;
}

std::span<const std::string_view> known_grant_types() {
    static const auto kNames = names(kGrants);
    return kNames;
}

std::span<const std::string_view> known_client_authentications() {
    static const auto kNames = names(kClientAuthentications);
    return kNames;
}

}  // namespace herald::providers
