#include "providers/kinds/kinds.h"

namespace herald::providers {

const Kind kGeneric{
    .name = "generic",
    .summary = "any OAuth 2.0 server: give its endpoints, or its issuer to have them discovered"};

}  // namespace herald::providers
