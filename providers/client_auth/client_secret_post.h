#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// Client id and secret in the body (RFC 6749 section 2.3.1).
extern const ClientAuthentication kClientSecretPost;

}  // namespace herald::providers
