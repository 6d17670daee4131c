#pragma once

#include <string>
#include <vector>

#include "dispatcher/composer.h"
#include "http/egress_policy.h"

namespace herald::dispatcher {

/// A URL of the configuration whose address, written out, the egress policy refuses: nothing sent
/// there will leave.
struct RefusedDestination {
    std::string owner;  ///< `notification` or `provider`
    std::string name;
    std::string message;  ///< says which setting to change
};

/// Pure. Names are checked when they are resolved.
[[nodiscard]] std::vector<RefusedDestination> refused_destinations(
    const std::vector<CompiledNotificationPtr>& notifications,
    const std::vector<storage::ProviderRecord>& providers, const http::EgressPolicy& egress);

}  // namespace herald::dispatcher
