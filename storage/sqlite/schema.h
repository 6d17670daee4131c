#pragma once

#include "core/clock.h"
#include "storage/key_ring.h"
#include "storage/sqlite/connection.h"

namespace herald::storage::sqlite {

/// "HRLD": tells Herald's files from those of other programs.
inline constexpr std::int64_t kApplicationId = 0x48524C44;

/// The newest schema this program knows.
[[nodiscard]] std::int64_t newest_schema();
/// 0 for a file without tables. Refusal where the file belongs to another program or to a newer
/// Herald.
[[nodiscard]] std::int64_t schema_of(Connection& db);
/// Refusal `key_mismatch` where `ring` is not the one that sealed this database.
void check_key(Connection& db, const KeyRing& ring);
void write_key_check(Connection& db, const KeyRing& ring);

/// Brings the file from schema `from` to schema `to`, one transaction a step, each restartable.
void migrate(Connection& db, const KeyRing& ring, core::SystemTime now, std::int64_t from,
             std::int64_t to = newest_schema());

}  // namespace herald::storage::sqlite
