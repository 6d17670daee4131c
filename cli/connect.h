#pragma once

#include <memory>

#include "cli/api_client.h"
#include "cli/runtime.h"
#include "cli/settings.h"
#include "core/clock.h"

namespace herald::cli {

/// The way to the database, decided by its lock alone: free, and the API runs in this process; held
/// by a daemon, and the API is its socket. A left-over socket file means nothing.
///
/// Errors: `daemon_not_running` (held, and the socket is silent), `database_locked` (another
/// command kept it for too long), and those of opening the database.
[[nodiscard]] core::Result<std::unique_ptr<ApiClient>> connect(const Settings& settings,
                                                               DatabaseUse use, core::Clock& clock);

}  // namespace herald::cli
