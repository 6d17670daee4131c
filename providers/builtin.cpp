// Everything that plugs in, listed by hand: the order is visible and no linker can drop an entry.
#include <array>

#include "providers/client_auth/client_secret_basic.h"
#include "providers/client_auth/client_secret_post.h"
#include "providers/client_auth/public_client.h"
#include "providers/grant.h"
#include "providers/grants/client_credentials.h"
#include "providers/grants/refresh_token.h"
#include "providers/provider_rules.h"

namespace herald::providers {
namespace {

const std::array kGrants = {&kClientCredentialsGrant, &kRefreshTokenGrant};
const std::array kClientAuthentications = {&kClientSecretPost, &kClientSecretBasic, &kPublicClient};
constexpr std::array<std::string_view, 1> kKinds = {"generic"};

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

std::span<const std::string_view> known_kinds() {
    return kKinds;
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
