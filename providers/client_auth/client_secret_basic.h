#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// Client id and secret, form-encoded, as HTTP Basic (RFC 6749 section 2.3.1; raw with `raw_basic`,
/// O-27).
extern const ClientAuthentication kClientSecretBasic;

}  // namespace herald::providers
