#pragma once

#include <filesystem>

#include "core/clock.h"
#include "storage/key_ring.h"
#include "storage/sqlite/connection.h"

namespace herald::storage::sqlite {

/// The writing connection to a database of the newest schema. A file that is refused is left as it
/// was; else the clock goes on where the database left it. Throws Failure; Refusal with
/// `storage_error` or `key_mismatch`. REQUIRES: prepare_database_file succeeded.
[[nodiscard]] Connection open_writer(const std::filesystem::path& path, const KeyRing& ring,
                                     core::Clock& clock);

/// A connection that can only read. REQUIRES: the writing connection is open.
[[nodiscard]] Connection open_reader(const std::filesystem::path& path);

/// Empties the -wal into the database, unless the file is not trusted any more. Further use is a
/// programmer error.
void close_writer(Connection& db, bool distrusted) noexcept;

}  // namespace herald::storage::sqlite
