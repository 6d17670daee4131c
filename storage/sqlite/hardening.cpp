#include "storage/sqlite/hardening.h"

#include <sqlite3.h>

namespace herald::storage::sqlite {
namespace {

constexpr int kLongestValue = 64 * 1024 * 1024;

void expect(Connection& db, const std::string& pragma, std::string_view value) {
    const std::string found = db.single("PRAGMA " + pragma);
    if (found == value) return;
    throw Refusal(storage_error("PRAGMA " + pragma + " is '" + found + "' and must be '" +
                                std::string(value) + "'; nothing would be durable"));
}

void configure(Connection& db, int option, int value) {
    if (sqlite3_db_config(db.handle(), option, value, nullptr) != SQLITE_OK) {
        throw Failure(SQLITE_MISUSE, "SQLite lacks a protective setting");
    }
}

int authorize(void* /*unused*/, int action, const char* /*first*/, const char* /*second*/,
              const char* /*database*/, const char* /*trigger*/) {
    switch (action) {
        case SQLITE_CREATE_INDEX:
        case SQLITE_CREATE_TABLE:
        case SQLITE_CREATE_TEMP_INDEX:
        case SQLITE_CREATE_TEMP_TABLE:
        case SQLITE_CREATE_TEMP_TRIGGER:
        case SQLITE_CREATE_TEMP_VIEW:
        case SQLITE_CREATE_TRIGGER:
        case SQLITE_CREATE_VIEW:
        case SQLITE_CREATE_VTABLE:
        case SQLITE_DROP_INDEX:
        case SQLITE_DROP_TABLE:
        case SQLITE_DROP_TEMP_INDEX:
        case SQLITE_DROP_TEMP_TABLE:
        case SQLITE_DROP_TEMP_TRIGGER:
        case SQLITE_DROP_TEMP_VIEW:
        case SQLITE_DROP_TRIGGER:
        case SQLITE_DROP_VIEW:
        case SQLITE_DROP_VTABLE:
        case SQLITE_ALTER_TABLE:
        case SQLITE_ATTACH:
        case SQLITE_DETACH:
            return SQLITE_DENY;
        default:
            return SQLITE_OK;
    }
}

}  // namespace

void protect(Connection& db) {
    sqlite3_busy_timeout(db.handle(), kBusyTimeoutMs);
    configure(db, SQLITE_DBCONFIG_DEFENSIVE, 1);
    configure(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
    configure(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0);
    configure(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1);
    sqlite3_limit(db.handle(), SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db.handle(), SQLITE_LIMIT_LENGTH, kLongestValue);
    db.script("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY");
    db.script("PRAGMA synchronous = FULL");
}

void make_writer(Connection& db) {
    expect(db, "journal_mode = WAL", "wal");
    // Checkpoints are run by the writer itself: SQLite's automatic ones hide a failed sync.
    db.script(
        "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = "
        "-32768");
    expect(db, "journal_mode", "wal");
    expect(db, "synchronous", "2");
    expect(db, "foreign_keys", "1");
    expect(db, "trusted_schema", "0");
}

void make_reader(Connection& db) {
    db.script("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0");
    configure(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1);
    expect(db, "journal_mode", "wal");
    expect(db, "synchronous", "2");
    expect(db, "foreign_keys", "1");
    expect(db, "query_only", "1");
}

void forbid_schema_changes(Connection& db) {
    sqlite3_set_authorizer(db.handle(), authorize, nullptr);
}

void forbid_checkpoint_on_close(Connection& db) {
    configure(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1);
}

void allow_checkpoint_on_close(Connection& db) {
    configure(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0);
}

void checkpoint(Connection& db, Checkpoint mode) {
    const int how =
        mode == Checkpoint::kTruncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    const int code = sqlite3_wal_checkpoint_v2(db.handle(), nullptr, how, nullptr, nullptr);
    if (code == SQLITE_OK) return;
    const Failure failure(code, sqlite3_errmsg(db.handle()));
    if (!failure.busy() && !failure.disk_full()) throw failure;
}

bool has_wal_reset_bug(int library_version) {
    constexpr int kWithdrawn = 3'052'000;
    if (library_version >= 3'044'006 && library_version < 3'045'000) return false;
    if (library_version >= 3'050'007 && library_version < 3'051'000) return false;
    return library_version < 3'051'003 || library_version == kWithdrawn;
}

}  // namespace herald::storage::sqlite
