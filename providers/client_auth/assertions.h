#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// RFC 7523 section 2.2 with the provider's private key.
extern const ClientAuthentication kPrivateKeyJwt;
/// The same with the client secret as HMAC key (OpenID Connect Core section 9).
extern const ClientAuthentication kClientSecretJwt;
/// Not a standard: the assertion as bearer token in the Authorization header, as GitHub Apps send
/// it.
extern const ClientAuthentication kBearerJwt;

}  // namespace herald::providers
