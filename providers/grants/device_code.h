#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// RFC 8628: a person authorises on another device, refresh tokens go on.
extern const Grant kDeviceCodeGrant;

}  // namespace herald::providers
