#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <optional>

#include "cli/context.h"

namespace herald::cli {

/// Tells each attempt of the fired event's callouts as it ends, with its error and when the next
/// one is due, until every callout is delivered, dead or cancelled. Returns `fired` with `state`
/// and `reason` added to its callouts. Errors: `not_finished` after `patience`; a daemon that goes
/// away.
[[nodiscard]] core::Result<boost::json::value> wait_until_finished(
    Context& context, boost::json::value fired, std::optional<std::chrono::milliseconds> patience);

}  // namespace herald::cli
