#include "providers/client_auth/client_secret_post.h"

namespace herald::providers {
namespace {

core::Result<> apply(const GrantInput& input, TokenForm& form) {
    const TokenCall& call = input.settings.call;
    form.fields.emplace_back(call.client_id_field, input.provider.client_id);
    if (input.provider.client_secret)
        form.fields.emplace_back(call.client_secret_field, input.provider.client_secret->reveal());
    return {};
}

}  // namespace

const ClientAuthentication kClientSecretPost{
    .name = "client_secret_post", .needs_secret = true, .apply = apply};

}  // namespace herald::providers
