#include "providers/grants/refresh_token.h"

namespace herald::providers {
namespace {

// The scope is left out: the server then keeps what was granted (O-116).
core::Result<> add_fields(const GrantInput& input, TokenForm& form) {
    if (input.refresh_token == nullptr) {
        return core::Error{
            .kind = core::ErrorKind::kUnauthorized,
            .code = "no_token",
            .message = "provider '" + input.provider.name +
                       "' has no refresh token; give one with `herald provider reset " +
                       input.provider.name + " --refresh-token-file FILE`"};
    }
    form.fields.emplace_back("grant_type", "refresh_token");
    form.fields.emplace_back("refresh_token", input.refresh_token->reveal());
    return {};
}

}  // namespace

const Grant kRefreshTokenGrant{
    .name = "refresh_token", .needs_refresh_token = true, .add_fields = add_fields};

}  // namespace herald::providers
