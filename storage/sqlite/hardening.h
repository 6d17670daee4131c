#pragma once

#include <cstdint>

#include "storage/sqlite/connection.h"

namespace herald::storage::sqlite {

/// How long a statement waits for another program's lock.
inline constexpr int kBusyTimeoutMs = 2000;

/// What must hold on every connection before anything is read through it (Q2, Q17).
void protect(Connection& db);
/// Makes `db` the writing connection: WAL, synchronous FULL, foreign keys, all read back. REQUIRES:
/// the file is ours.
void make_writer(Connection& db);
/// Makes `db` a connection that cannot write or checkpoint.
void make_reader(Connection& db);
/// From now on `db` refuses to prepare any change of the schema (S-24).
void forbid_schema_changes(Connection& db);
/// Leaves the -wal as it is when `db` closes: for a database that is refused or no longer trusted.
void forbid_checkpoint_on_close(Connection& db);
void allow_checkpoint_on_close(Connection& db);

enum class Checkpoint { kPassive, kTruncate };
/// Copies the -wal into the database file. Without effect while a reader is in the way. Throws
/// Failure.
void checkpoint(Connection& db, Checkpoint mode);

/// Whether this SQLite may corrupt a WAL database when two connections write at the same instant
/// (Q6). Herald has one writing connection, so it runs on such a library too; `doctor` tells.
[[nodiscard]] bool has_wal_reset_bug(int library_version);

}  // namespace herald::storage::sqlite
