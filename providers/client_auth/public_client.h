#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// No proof: the client id alone, in the body (RFC 6749 section 3.2.1).
extern const ClientAuthentication kPublicClient;

}  // namespace herald::providers
