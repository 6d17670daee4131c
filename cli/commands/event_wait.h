#pragma once

#include <boost/json/value.hpp>

#include "cli/context.h"

namespace herald::cli {

/// Asks again and again, less and less often, until every callout of the fired event is delivered,
/// dead or cancelled. Returns `fired` with `state` and `reason` added to its callouts. A daemon
/// that goes away is an error.
[[nodiscard]] core::Result<boost::json::value> wait_until_finished(Context& context,
                                                                   boost::json::value fired);

}  // namespace herald::cli
