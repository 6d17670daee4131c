#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// RFC 6749 section 4.4.
extern const Grant kClientCredentialsGrant;

}  // namespace herald::providers
