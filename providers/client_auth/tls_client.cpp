#include "providers/client_auth/tls_client.h"

namespace herald::providers {
namespace {

core::Result<> apply(const GrantInput& input, TokenForm& form) {
    form.fields.emplace_back(input.settings.call.client_id_field, input.provider.client_id);
    return {};
}

}  // namespace

const ClientAuthentication kTlsClient{.name = "tls_client_auth",
                                      .needs_private_key = true,
                                      .needs_certificate = true,
                                      .apply = apply};
const ClientAuthentication kSelfSignedTlsClient{.name = "self_signed_tls_client_auth",
                                                .needs_private_key = true,
                                                .needs_certificate = true,
                                                .apply = apply};

}  // namespace herald::providers
