#pragma once

#include <filesystem>
#include <memory>

#include "core/clock.h"
#include "storage/sqlite/sqlite_store.h"

namespace herald::test {

/// The database and key ring of `directory`, made when missing; writes run on the caller's thread.
inline std::unique_ptr<storage::Store> open_store(const std::filesystem::path& directory,
                                                  core::Clock& clock) {
    const auto key_file = directory / "herald.db.key";
    auto ring = std::filesystem::exists(key_file) ? storage::KeyRing::load(key_file)
                                                  : storage::KeyRing::create(key_file);
    storage::SqliteStoreOptions options;
    options.path = directory / "herald.db";
    options.writer_thread = false;
    return storage::open_sqlite_store(std::move(options), std::move(ring.value()), clock).value();
}

}  // namespace herald::test
