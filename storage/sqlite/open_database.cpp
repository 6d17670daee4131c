#include "storage/sqlite/open_database.h"

#include "storage/file_descriptor.h"
#include "storage/sqlite/backup.h"
#include "storage/sqlite/database_file.h"
#include "storage/sqlite/hardening.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/time_line.h"

namespace herald::storage::sqlite {
namespace {

constexpr std::uintmax_t kAlwaysChecked = 16UL * 1024 * 1024;
constexpr std::uintmax_t kCheckedAfterCrash = 256UL * 1024 * 1024;

/// A check reads the whole file: always where that takes milliseconds, larger ones only where the
/// last owner did not close them, and the largest never, since a start has to be quick.
bool worth_checking(const std::filesystem::path& path, bool closed_well) {
    return size_of(path) <= (closed_well ? kAlwaysChecked : kCheckedAfterCrash);
}

}  // namespace

Connection open_writer(const std::filesystem::path& path, const KeyRing& ring, core::Clock& clock) {
    const bool closed_well = size_of(path.string() + "-wal") == 0;
    Connection db(path, Connection::Access::kReadWrite);
    protect(db);
    forbid_checkpoint_on_close(db);  // until it is known to be ours
    const std::int64_t schema = schema_of(db);
    if (schema > 0) {
        if (worth_checking(path, closed_well)) quick_check(db);
        check_key(db, ring);
    }
    make_writer(db);
    migrate(db, ring, clock.system_now(), schema);
    // SQLite syncs the folder after it made the -wal, but does not say when that fails.
    if (auto synced = sync_folder_of(path); !synced) throw Refusal(synced.error());
    continue_time_line(db, clock);
    forbid_schema_changes(db);
    allow_checkpoint_on_close(db);
    return db;
}

Connection open_reader(const std::filesystem::path& path) {
    Connection db(path, Connection::Access::kReadOnly);
    protect(db);
    make_reader(db);
    return db;
}

void close_writer(Connection& db, bool distrusted) noexcept {
    bool emptied = false;
    try {
        if (!distrusted) checkpoint(db, Checkpoint::kTruncate);
        emptied = !distrusted;
    } catch (const Failure&) {
        // Every commit is in the -wal and synced; the next start reads it there.
    }
    // After a failed sync SQLite would try again, be told that all is well, and delete the -wal
    // (Q5).
    if (!emptied) forbid_checkpoint_on_close(db);
}

}  // namespace herald::storage::sqlite
