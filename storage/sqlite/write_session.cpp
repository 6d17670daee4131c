#include "storage/sqlite/write_session.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace herald::storage::sqlite {
namespace {

constexpr std::size_t kChangesKept = 4096;

int note_wal_pages(void* pages, sqlite3* /*db*/, const char* /*name*/, int count) {
    *static_cast<int*>(pages) = count;
    return SQLITE_OK;
}

}  // namespace

WriteSession::WriteSession(Connection connection, const std::filesystem::path& path,
                           const KeyRing& key_ring, const core::Clock& system_clock)
    : db(std::move(connection)),
      ring(key_ring),
      clock(system_clock),
      marks(path.string() + ".sending", clock.boot()),
      path_(path),
      identities_(identities_of(path)) {
    sqlite3_wal_hook(db.handle(), note_wal_pages, &wal_pages_);
    auto newest = db.query("SELECT coalesce(max(number), 0) FROM lease");
    if (newest.next()) lease = newest.take<std::int64_t>();
    if (db.query("SELECT 1 FROM callout WHERE state = 1 LIMIT 1").next()) marks.read_former(lease);
    has_order_keys_ =
        db.query("SELECT 1 FROM notification WHERE order_by IS NOT NULL LIMIT 1").next() ||
        db.query("SELECT 1 FROM callout WHERE order_key IS NOT NULL AND state < 2 LIMIT 1").next();
    has_former_providers_ =
        db.query("SELECT 1 FROM callout WHERE former_provider_id IS NOT NULL LIMIT 1").next();
}

void WriteSession::begin() {
    check_files();
    event_bytes_read_ = 0;
    db.run("BEGIN IMMEDIATE");
}

void WriteSession::check_files() const {
    if (identities_of(path_) == identities_) return;
    throw Failure(SQLITE_READONLY_DBMOVED,
                  "the database file, its -wal or its -shm was replaced or removed while in use");
}

void WriteSession::commit() {
    tally.write(db);
    db.run("COMMIT");
    check_files();
    {
        const std::scoped_lock lock(changes_mutex_);
        changes_.insert(changes_.end(), working_changes_.begin(), working_changes_.end());
        while (changes_.size() > kChangesKept) {
            forgotten_up_to_ = changes_.front().first;
            changes_.pop_front();
        }
    }
    working_changes_.clear();
    marks.end(over_);
    over_.clear();
    committed_version_ = working_version_;
    ++commits_;
}

void WriteSession::rollback() noexcept {
    try {
        if (db.in_transaction()) db.run("ROLLBACK");
    } catch (const Failure&) {
        // What made the rollback fail makes the next BEGIN fail too, and is told there.
    }
    over_.clear();
    tally.forget();
    events.clear();  // numbers given in this transaction are given again
    working_version_ = committed_version_;
    working_changes_.clear();
}

std::optional<std::vector<core::NotificationId>> WriteSession::changed_since(
    std::int64_t version) const {
    std::vector<core::NotificationId> ids;
    {
        const std::scoped_lock lock(changes_mutex_);
        if (version < forgotten_up_to_) return std::nullopt;
        for (auto change = changes_.rbegin(); change != changes_.rend() && change->first > version;
             ++change) {
            ids.push_back(change->second);
        }
    }
    std::ranges::sort(ids);
    const auto twice = std::ranges::unique(ids);
    ids.erase(twice.begin(), twice.end());
    return ids;
}

}  // namespace herald::storage::sqlite
