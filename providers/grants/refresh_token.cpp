#include "providers/grants/refresh_token.h"

namespace herald::providers {

// The scope is left out: the server then keeps what was granted (O-116).
core::Result<> add_refresh_fields(const GrantInput& input, TokenForm& form) {
    form.fields.emplace_back("grant_type", "refresh_token");
    form.fields.emplace_back("refresh_token", input.refresh_token->reveal());
    if (input.settings.call.refresh_scope) {
        std::string scope = scope_parameter(input.provider, input.settings);
        if (!scope.empty()) form.fields.emplace_back("scope", std::move(scope));
    }
    for (const auto& [name, value] : input.settings.call.refresh_parameters)
        form.fields.emplace_back(name, value);
    return {};
}

namespace {

core::Result<> add_fields(const GrantInput& input, TokenForm& form) {
    if (input.refresh_token != nullptr) return add_refresh_fields(input, form);
    return core::Error{.kind = core::ErrorKind::kUnauthorized,
                       .code = "no_token",
                       .message = "provider '" + input.provider.name +
                                  "' has no refresh token; give one with `herald provider reset " +
                                  input.provider.name + " --refresh-token-file FILE`"};
}

}  // namespace

const Grant kRefreshTokenGrant{.name = "refresh_token",
                               .uses_refresh_token = true,
                               .needs_refresh_token = true,
                               .add_fields = add_fields};

}  // namespace herald::providers
