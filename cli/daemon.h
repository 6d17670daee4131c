#pragma once

#include "cli/context.h"

namespace herald::cli {

struct DaemonOptions {
    bool drain = false;  ///< stop once nothing is in flight and nothing can be sent now
};

/// `herald serve`: owns the database, dispatches, serves the API, until a signal or the end of a
/// drain.
///
/// Errors: `already_running` naming the pid, and those of opening the database and the listeners.
/// Where the database meets an I/O error the process ends at once with exit code 5: nothing more
/// may be acknowledged.
[[nodiscard]] core::Result<int> serve_until_stopped(Context& context, const DaemonOptions& options);

}  // namespace herald::cli
