#include "providers/grants/jwt_bearer.h"

#include "providers/assertion.h"

namespace herald::providers {
namespace {

core::Result<> add_fields(const GrantInput& input, TokenForm& form) {
    const auto assertion = grant_assertion(input);
    if (!assertion) return assertion.error();
    form.fields.emplace_back("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    form.fields.emplace_back("assertion", assertion->reveal());
    if (input.settings.assertion.scope_claim) return {};
    std::string scope = scope_parameter(input.provider, input.settings);
    if (!scope.empty()) form.fields.emplace_back("scope", std::move(scope));
    return {};
}

}  // namespace

const Grant kJwtBearerGrant{
    .name = "jwt_bearer", .needs_private_key = true, .add_fields = add_fields};

}  // namespace herald::providers
