#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// RFC 6749 section 6, with a first refresh token that the operator supplies.
extern const Grant kRefreshTokenGrant;

}  // namespace herald::providers
