#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// The JWT by which the client proves who it is (RFC 7523 section 2.2): issuer and subject are the
/// client id. A new one for each request (O-30). `mac`: signed with the client secret instead of
/// the private key (client_secret_jwt).
[[nodiscard]] core::Result<core::Secret> client_assertion(const GrantInput& input, bool mac);

/// The JWT that is itself the grant (RFC 7523 section 2.1): the subject is who the token is for.
[[nodiscard]] core::Result<core::Secret> grant_assertion(const GrantInput& input);

/// The claims either would have now, for people to look at.
[[nodiscard]] boost::json::object assertion_claims(const GrantInput& input, bool for_grant);

}  // namespace herald::providers
