#pragma once

#include <sys/types.h>
#include <filesystem>
#include <optional>

#include "core/error.h"

namespace herald::storage {

/// Ownership of one database by one process: `flock` on `<db>.lock`, which holds the owner's pid
/// and role.
///
/// Move-only; released on destruction and by the kernel when the process dies, however it dies.
class DatabaseLock final {
public:
    enum class Owner { kDaemon, kCommand };

    /// Conflict `already_running` (details: pid, owner) when another process holds it.
    [[nodiscard]] static core::Result<DatabaseLock> acquire(const std::filesystem::path& database,
                                                            Owner owner);

    DatabaseLock(DatabaseLock&& other) noexcept;
    DatabaseLock& operator=(DatabaseLock&& other) noexcept;
    DatabaseLock(const DatabaseLock&) = delete;
    DatabaseLock& operator=(const DatabaseLock&) = delete;
    ~DatabaseLock();

private:
    explicit DatabaseLock(int descriptor) noexcept : descriptor_(descriptor) {}
    int descriptor_ = -1;
};

}  // namespace herald::storage
