#include "providers/grants/client_credentials.h"

namespace herald::providers {
namespace {

core::Result<> add_fields(const GrantInput& input, TokenForm& form) {
    form.fields.emplace_back("grant_type", "client_credentials");
    // Where it stands in the client's assertion it is not said again.
    if (input.settings.assertion.scope_claim) return {};
    std::string scope = scope_parameter(input.provider, input.settings);
    if (!scope.empty()) form.fields.emplace_back("scope", std::move(scope));
    return {};
}

}  // namespace

const Grant kClientCredentialsGrant{.name = "client_credentials", .add_fields = add_fields};

}  // namespace herald::providers
