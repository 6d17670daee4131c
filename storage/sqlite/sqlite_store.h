#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "core/clock.h"
#include "core/error.h"
#include "storage/key_ring.h"
#include "storage/store.h"

namespace herald::storage {

struct SqliteStoreOptions {
    std::filesystem::path path;
    /// A thread of its own with group commit; false: each write runs at once on the caller's thread
    /// in its own transaction (the CLI without a daemon, and tests on virtual time). Done then runs
    /// before the call returns.
    bool writer_thread = true;
    std::size_t max_batch = 512;
    /// Without a thread: where given, writes wait, and what is handed to this commits a batch of
    /// them whenever it is called, as the thread would (simulations). Writes that block do not wait
    /// for that. What waits when the store is destroyed is lost, as in a crash.
    std::function<void(std::function<void()>)> defer = {};
    /// Called once, on the writer's thread, after an I/O error: from then on nothing is
    /// acknowledged.
    std::function<void(const core::Error&)> on_fatal = {};
};

/// Opens or creates the database and the key ring that belongs to it.
///
/// REQUIRES: the caller holds the DatabaseLock of `path`.
/// Errors: `storage_error`, `database_locked`, `key_mismatch`, `storage_full`, each with its
/// remedy.
[[nodiscard]] core::Result<std::unique_ptr<Store>> open_sqlite_store(SqliteStoreOptions options,
                                                                     KeyRing ring,
                                                                     core::Clock& clock);

/// Whether `path` holds a database already. Never opens the file (closing it would drop SQLite's
/// locks).
[[nodiscard]] bool database_exists(const std::filesystem::path& path);

}  // namespace herald::storage
