#include "providers/client_auth/client_secret_basic.h"

#include "core/encoding.h"
#include "core/secret.h"

namespace herald::providers {
namespace {

core::Result<> apply(const GrantInput& input, TokenForm& form) {
    // Form encoding writes a space as `+` or as `%20`; some servers read only the latter.
    const auto encode = [&](std::string_view text) {
        return input.settings.call.raw_basic ? std::string(text) : core::percent_encode(text);
    };
    std::string pair = encode(input.provider.client_id) + ":";
    if (input.provider.client_secret) pair += encode(input.provider.client_secret->reveal());
    form.headers.set("Authorization", "Basic " + core::base64_encode(pair));
    core::wipe(pair);
    return {};
}

}  // namespace

const ClientAuthentication kClientSecretBasic{
    .name = "client_secret_basic", .needs_secret = true, .apply = apply};

}  // namespace herald::providers
