#pragma once

#include "cli/context.h"

namespace herald::cli {

/// `herald demo`: the main job on real parts, on loopback, as commands that a person could type.
///
/// Runs this very program as child processes against a database in a temporary folder, which it
/// removes again, also where Ctrl-C or SIGTERM ends it. Exit code 0 only if every step did what it
/// says.
[[nodiscard]] core::Result<int> run_demo(Context& context);

}  // namespace herald::cli
