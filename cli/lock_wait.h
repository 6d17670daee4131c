#pragma once

#include <chrono>
#include <variant>

#include "cli/settings.h"
#include "core/clock.h"
#include "storage/database_lock.h"

/// Taking the database's lock, with patience for those who hold it for a moment.
namespace herald::cli {

/// How long a command waits for another command to let go of the database.
inline constexpr std::chrono::seconds kCommandLockPatience{10};

struct HeldByDaemon {
    core::Error error;  ///< `already_running` with the pid
};

/// The lock for a command, or who has it. Errors: `database_locked` where another command keeps it
/// too long, and those of the lock file.
[[nodiscard]] core::Result<std::variant<storage::DatabaseLock, HeldByDaemon>> lock_for_command(
    const Settings& settings, core::Clock& clock);

/// The lock for the daemon. Errors: `already_running` naming the pid, and as above.
[[nodiscard]] core::Result<storage::DatabaseLock> lock_for_daemon(const Settings& settings,
                                                                  core::Clock& clock);

}  // namespace herald::cli
