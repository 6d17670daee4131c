// storage/maintenance_store.h
#include <memory>
#include <utility>

#include "storage/sqlite/backup.h"
#include "storage/sqlite/database_file.h"
#include "storage/sqlite/hardening.h"
#include "storage/sqlite/open_database.h"
#include "storage/sqlite/reseal.h"
#include "storage/sqlite/store_roles.h"
#include "storage/sqlite/time_line.h"

namespace herald::storage {
namespace {

/// A second or two; the -wal grows for as long as a read lasts.
constexpr std::uintmax_t kCheckedBesideWork = 256UL * 1024 * 1024;

core::Error too_large() {
    return sqlite::conflict("already_running",
                            "check the database: it is too large to be read through while a daemon "
                            "writes; stop the daemon first");
}

}  // namespace

void SqliteStore::keep_time(core::KeptTime time, core::Done<> done) {
    submit<void>(
        Kind::kOther, [time](WriteSession& session) { sqlite::keep_time(session.db, time); },
        std::move(done));
}

core::Result<> SqliteStore::backup(const std::string& path) {
    // Steps on the writing connection, between batches: the copy follows what is written
    // meanwhile.
    const std::scoped_lock maintenance(maintenance_mutex_);
    std::unique_ptr<sqlite::Backup> copy;
    auto result = write<void>(Kind::kAlone, [&](WriteSession& session) {
        copy = std::make_unique<sqlite::Backup>(session.db, path);
    });
    for (bool complete = false; result && !complete;) {
        auto step =
            write<bool>(Kind::kAlone, [&](WriteSession& /*session*/) { return copy->step(); });
        if (step) {
            complete = *step;
        } else {
            result = step.error();
        }
    }
    if (!result) {
        // It holds on to the writing connection, so it ends where that is used, or where nobody
        // uses it any more.
        static_cast<void>(
            write<void>(Kind::kAlone, [&](WriteSession& /*session*/) { copy.reset(); }));
        return result;
    }
    return sqlite::guarded<void>("back up", [&]() -> core::Result<> {
        copy->finish();
        return {};
    });
}

core::Result<std::int64_t> SqliteStore::reseal() {
    std::int64_t resealed = 0;
    for (std::optional<sqlite::ResealCursor> cursor = sqlite::ResealCursor(); cursor;) {
        auto step = write<sqlite::Resealed>(Kind::kOther, [&](WriteSession& session) {
            return sqlite::reseal_some(session, *cursor);
        });
        if (!step) return step.error();
        resealed += step->count;
        cursor = step->next;
    }
    if (auto truncated = truncate_wal(); !truncated) return truncated.error();
    return resealed;
}

core::Result<std::vector<std::string>> SqliteStore::check() {
    using Problems = std::vector<std::string>;
    return sqlite::guarded<Problems>("check the database", [&]() -> core::Result<Problems> {
        if (works_ && sqlite::size_of(path_) > kCheckedBesideWork) throw Refusal(too_large());
        // On a connection of its own: it takes as long as reading the whole file does.
        Connection db = sqlite::open_reader(path_);
        return sqlite::integrity_problems(db);
    });
}

core::Result<> SqliteStore::rebuild_indexes() {
    return write<void>(Kind::kAlone, [](WriteSession& session) { session.db.run("REINDEX"); });
}

core::Result<> SqliteStore::truncate_wal() {
    return write<void>(Kind::kAlone, [](WriteSession& session) {
        sqlite::checkpoint(session.db, sqlite::Checkpoint::kTruncate);
    });
}

}  // namespace herald::storage
