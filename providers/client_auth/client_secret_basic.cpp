#include "providers/client_auth/client_secret_basic.h"

#include "core/encoding.h"
#include "core/secret.h"

namespace herald::providers {
namespace {

void apply(const storage::ProviderRecord& provider, const ProviderSettings& settings,
           TokenForm& form) {
    const auto encode = [&](std::string_view text) {
        return settings.raw_basic ? std::string(text) : core::form_encode(text);
    };
    std::string pair = encode(provider.client_id) + ":";
    if (provider.client_secret) pair += encode(provider.client_secret->reveal());
    form.headers.set("Authorization", "Basic " + core::base64_encode(pair));
    core::wipe(pair);
}

}  // namespace

const ClientAuthentication kClientSecretBasic{
    .name = "client_secret_basic", .needs_secret = true, .apply = apply};

}  // namespace herald::providers
