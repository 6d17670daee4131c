#include "providers/client_auth/assertions.h"

#include "providers/assertion.h"

namespace herald::providers {
namespace {

core::Result<> add_assertion(const GrantInput& input, TokenForm& form, bool mac) {
    const auto assertion = client_assertion(input, mac);
    if (!assertion) return assertion.error();
    const TokenCall& call = input.settings.call;
    if (call.send_client_id)
        form.fields.emplace_back(call.client_id_field, input.provider.client_id);
    form.fields.emplace_back("client_assertion_type",
                             "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    form.fields.emplace_back("client_assertion", assertion->reveal());
    return {};
}

core::Result<> apply_private_key(const GrantInput& input, TokenForm& form) {
    return add_assertion(input, form, false);
}

core::Result<> apply_client_secret(const GrantInput& input, TokenForm& form) {
    return add_assertion(input, form, true);
}

core::Result<> apply_bearer(const GrantInput& input, TokenForm& form) {
    const auto assertion = client_assertion(input, false);
    if (!assertion) return assertion.error();
    form.headers.set("Authorization", "Bearer " + std::string(assertion->reveal()));
    return {};
}

}  // namespace

const ClientAuthentication kPrivateKeyJwt{
    .name = "private_key_jwt", .needs_private_key = true, .apply = apply_private_key};
const ClientAuthentication kClientSecretJwt{
    .name = "client_secret_jwt", .needs_secret = true, .apply = apply_client_secret};
const ClientAuthentication kBearerJwt{
    .name = "bearer_jwt", .needs_private_key = true, .apply = apply_bearer};

}  // namespace herald::providers
