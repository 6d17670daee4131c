#include "providers/client_auth/public_client.h"

namespace herald::providers {
namespace {

core::Result<> apply(const GrantInput& input, TokenForm& form) {
    const TokenCall& call = input.settings.call;
    if (call.send_client_id)
        form.fields.emplace_back(call.client_id_field, input.provider.client_id);
    return {};
}

}  // namespace

const ClientAuthentication kPublicClient{.name = "none", .apply = apply};

}  // namespace herald::providers
