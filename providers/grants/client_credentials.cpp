#include "providers/grants/client_credentials.h"

namespace herald::providers {
namespace {

core::Result<> add_fields(const GrantInput& input, TokenForm& form) {
    form.fields.emplace_back("grant_type", "client_credentials");
    std::string scope = scope_parameter(input.provider, input.settings);
    if (!scope.empty()) form.fields.emplace_back("scope", std::move(scope));
    return {};
}

}  // namespace

const Grant kClientCredentialsGrant{
    .name = "client_credentials", .needs_refresh_token = false, .add_fields = add_fields};

}  // namespace herald::providers
