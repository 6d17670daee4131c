#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// RFC 7523 section 2.1: an assertion signed with the provider's private key.
extern const Grant kJwtBearerGrant;

}  // namespace herald::providers
