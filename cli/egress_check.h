#pragma once

#include <string>
#include <vector>

#include "http/egress_policy.h"

namespace herald::cli {

struct Destination {
    std::string owner;  ///< "notification 'posted'"
    std::string url;    ///< merge fields may stand behind its host
};

/// Those that can never be reached because `policy` refuses the address in their URL, as
/// "notification 'posted' (127.0.0.1)". A host name is judged when it is looked up.
[[nodiscard]] std::vector<std::string> refused_destinations(
    const http::EgressPolicy& policy, const std::vector<Destination>& destinations);

}  // namespace herald::cli
