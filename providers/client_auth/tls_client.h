#pragma once

#include "providers/grant.h"

namespace herald::providers {

/// RFC 8705 section 2.1 and 2.2: the connection shows the certificate, the body only the client id.
extern const ClientAuthentication kTlsClient;
extern const ClientAuthentication kSelfSignedTlsClient;

}  // namespace herald::providers
