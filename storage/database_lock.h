#pragma once

#include <sys/types.h>
#include <filesystem>
#include <optional>

#include "core/error.h"

namespace herald::storage {

/// Ownership of one database by one process: `flock` on `<db>.lock`, which holds the owner's pid
/// and role and belongs to the owner of the database. A symbolic link and the file it leads to are
/// one database.
///
/// Move-only; released on destruction and by the kernel when the process dies, however it dies.
class DatabaseLock final {
public:
    enum class Owner { kDaemon, kCommand };

    /// Conflict `already_running` (details: pid, owner) when another process holds it;
    /// `not_trusted` where the file belongs to somebody else or others can write it.
    [[nodiscard]] static core::Result<DatabaseLock> acquire(const std::filesystem::path& database,
                                                            Owner owner);

    DatabaseLock(DatabaseLock&& other) noexcept;
    DatabaseLock& operator=(DatabaseLock&& other) noexcept;
    DatabaseLock(const DatabaseLock&) = delete;
    DatabaseLock& operator=(const DatabaseLock&) = delete;
    ~DatabaseLock();

    /// Removes the lock file too: for a database that came to nothing. Whoever waits for the lock
    /// looks whether its file still has the name.
    void release_and_remove();

private:
    DatabaseLock(int descriptor, std::filesystem::path path) noexcept
        : descriptor_(descriptor), path_(std::move(path)) {}

    int descriptor_ = -1;
    std::filesystem::path path_;
};

}  // namespace herald::storage
