#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// RFC 6749 section 4.1 with PKCE (RFC 7636): a person authorises once, refresh tokens go on.
extern const Grant kAuthorizationCodeGrant;

}  // namespace herald::providers
