#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "storage/key_ring.h"
#include "storage/send_marks.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/database_file.h"
#include "storage/sqlite/event_cache.h"
#include "storage/sqlite/tally.h"

namespace herald::storage::sqlite {

/// What a write operation works with: the writing connection and what is kept in step with its
/// transactions.
///
/// Thread-safety: none, except where a method says "any thread".
class WriteSession final {
public:
    WriteSession(Connection connection, const std::filesystem::path& path, const KeyRing& ring,
                 const core::Clock& clock);
    WriteSession(const WriteSession&) = delete;
    WriteSession& operator=(const WriteSession&) = delete;

    /// Throws Failure; that the database file, its -wal or its -shm was replaced or removed is one
    /// (E-100).
    void begin();
    /// The same: what was committed to a file that no longer has its name would be gone at the next
    /// start, so its outcome is unknown.
    void commit();
    /// Without effect where SQLite has rolled back already, as it does when the disk is full (Q11).
    void rollback() noexcept;

    /// Counts a change of a provider or notification; visible to others after the commit.
    void catalogue_changed() { ++working_version_; }
    void catalogue_changed(core::NotificationId id) {
        working_changes_.emplace_back(++working_version_, id);
    }
    /// See ConfigurationStore. Any thread.
    [[nodiscard]] std::optional<std::vector<core::NotificationId>> changed_since(
        std::int64_t version) const;
    /// As the open transaction sees it.
    [[nodiscard]] std::int64_t working_version() const noexcept { return working_version_; }
    /// As committed. Any thread.
    [[nodiscard]] std::int64_t catalogue_version() const noexcept { return committed_version_; }
    /// Transactions that took effect. Any thread.
    [[nodiscard]] std::int64_t commits() const noexcept { return commits_; }
    /// Bytes of event data that the open transaction has read for callouts it claimed.
    [[nodiscard]] std::size_t event_bytes_read() const noexcept { return event_bytes_read_; }
    void note_event_bytes_read(std::size_t bytes) { event_bytes_read_ += bytes; }
    /// Pages in the -wal after the last commit.
    [[nodiscard]] int wal_pages() const noexcept { return wal_pages_; }

    /// Whether any callout may have an order key: else nobody looks for those behind one.
    [[nodiscard]] bool has_order_keys() const noexcept { return has_order_keys_; }
    void note_order_keys() { has_order_keys_ = true; }
    /// Whether any attempt in flight may use a provider that its notification has left.
    [[nodiscard]] bool has_former_providers() const noexcept { return has_former_providers_; }
    void note_former_providers() { has_former_providers_ = true; }

    /// No request of that callout is under way: its mark ends with the commit.
    void note_over(const core::CalloutId& id) { over_.push_back(id); }

    Connection db;
    const KeyRing& ring;
    const core::Clock& clock;
    Tally tally;
    EventCache events;
    std::int64_t lease = 0;  ///< number of the lease under which callouts are claimed
    SendMarks marks;

private:
    void check_files() const;

    std::filesystem::path path_;
    FileIdentities identities_;
    std::size_t event_bytes_read_ = 0;
    std::int64_t working_version_ = 1;
    std::atomic<std::int64_t> committed_version_ = 1;
    std::atomic<std::int64_t> commits_ = 0;
    using Change = std::pair<std::int64_t, core::NotificationId>;  // with its version
    std::vector<Change> working_changes_;                          // of the open transaction
    mutable std::mutex changes_mutex_;
    std::deque<Change> changes_;         // guarded by changes_mutex_; the last ones, oldest first
    std::int64_t forgotten_up_to_ = 1;   // guarded by changes_mutex_
    std::vector<core::CalloutId> over_;  // of the open transaction
    int wal_pages_ = 0;
    bool has_order_keys_ = false;
    bool has_former_providers_ = false;
};

}  // namespace herald::storage::sqlite
