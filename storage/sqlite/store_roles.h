#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/sqlite/operation.h"
#include "storage/sqlite/readers.h"
#include "storage/sqlite/sqlite_store.h"
#include "storage/sqlite/writer.h"

namespace herald::storage {

/// The store in one SQLite file: reads on connections that are lent, every write through the
/// writer. Each role is defined in a file of its own, `configuration_role.cpp` and its siblings.
class SqliteStore final : public Store {
public:
    /// Throws Failure and Refusal.
    SqliteStore(SqliteStoreOptions options, KeyRing ring, core::Clock& clock);
    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;
    ~SqliteStore() override { close(); }

    // ConfigurationStore
    core::Result<> add_provider(ProviderRecord record, std::optional<TokenRecord> token) override;
    core::Result<ProviderRecord> edit_provider(
        std::string_view name, std::function<core::Result<>(ProviderEdit&)> change) override;
    core::Result<> delete_provider(std::string_view name) override;
    core::Result<std::vector<ProviderRecord>> providers() override;
    core::Result<ProviderRecord> provider(std::string_view name) override;
    core::Result<ProviderRecord> provider(core::ProviderId id) override;
    core::Result<std::vector<std::string>> provider_users(core::ProviderId id) override;
    core::Result<> add_notification(NotificationRecord record) override;
    core::Result<NotificationRecord> edit_notification(
        std::string_view name, std::function<core::Result<>(NotificationRecord&)> change) override;
    core::Result<> delete_notification(std::string_view name, bool cancel_pending) override;
    core::Result<std::vector<NotificationRecord>> notifications() override;
    core::Result<NotificationRecord> notification(std::string_view name) override;
    core::Result<NotificationRecord> notification(core::NotificationId id) override;
    std::optional<std::vector<core::NotificationId>> notifications_changed_since(
        std::int64_t version) override;
    std::int64_t catalogue_version() const noexcept override;

    // TokenStore
    core::Result<std::optional<TokenRecord>> token(core::ProviderId id) override;
    void save_token_outcome(TokenOutcome outcome, core::Done<> done) override;
    void note_refresh_started(TokenFence fence, std::string fingerprint,
                              core::Done<bool> done) override;
    void save_metadata(core::ProviderId id, std::int64_t config_version,
                       boost::json::object metadata, core::Done<> done) override;
    void replace_refresh_token(core::ProviderId id, core::Secret presented, core::Secret successor,
                               core::Done<bool> done) override;
    void revoke_token(core::ProviderId id, std::vector<PendingRevocation> pending,
                      core::Done<std::int64_t> done) override;
    void queue_revocation(PendingRevocation pending, core::Done<> done) override;
    void finish_revocation(std::int64_t id, std::optional<core::StoredTime> next_try_at,
                           core::Done<> done) override;
    core::Result<std::vector<PendingRevocation>> pending_revocations() override;

    // CalloutQueue
    void append_event(NewEvent event, core::Done<AppendResult> done) override;
    void claim_due(core::NotificationId notification, core::StoredTime now, ClaimLimits limits,
                   core::Done<Claim> done) override;
    void record_attempt(CalloutOutcomePtr outcome, core::Done<bool> done) override;
    void update_callouts(std::vector<CalloutUpdate> updates, core::Done<bool> done) override;
    Sending start_sending(core::CalloutId id, core::NotificationId notification) override;
    core::Result<Recovered> take_lease(std::string owner, core::StoredTime now) override;
    core::Result<CalloutRecord> retry_callout(core::CalloutId id, core::StoredTime now) override;
    core::Result<RetriedDead> retry_dead(const CalloutFilter& filter, core::StoredTime now,
                                         std::size_t limit, bool dry_run) override;
    core::Result<std::int64_t> retry_waiting(core::NotificationId notification,
                                             core::StoredTime now, std::size_t limit,
                                             bool dry_run) override;
    core::Result<CalloutRecord> cancel_callout(core::CalloutId id) override;

    // HistoryStore
    void prune_history(HistoryBounds bounds, std::int64_t resume_after,
                       core::Done<Pruned> done) override;
    core::Result<EventRecord> event(core::EventId id) override;
    core::Result<std::vector<CalloutRecord>> callouts_of(core::EventId id) override;
    core::Result<CalloutRecord> callout(core::CalloutId id) override;
    core::Result<std::vector<AttemptRecord>> attempts_of(core::CalloutId id) override;
    core::Result<CalloutPage> list_callouts(const CalloutFilter& filter) override;
    core::Result<StoreCounts> counts() override;

    // MaintenanceStore
    void keep_time(core::KeptTime time, core::Done<> done) override;
    core::Result<> backup(const std::string& path) override;
    core::Result<std::int64_t> reseal() override;
    core::Result<std::vector<std::string>> check() override;
    core::Result<> rebuild_indexes() override;

    // Store
    void close() override;

private:
    using Connection = sqlite::Connection;
    using Kind = sqlite::Operation::Kind;
    using Refusal = sqlite::Refusal;
    using WriteSession = sqlite::WriteSession;

    core::Result<CalloutPage> list_as_seen(const CalloutFilter& filter);
    core::Result<std::int64_t> retry_those_dead(const std::vector<core::CalloutId>& ids,
                                                core::StoredTime now);

    template <class T, class Absent>
    static T found(std::optional<T> value, const Absent& absent) {
        if (!value) throw Refusal(absent());
        return std::move(*value);
    }

    template <class T, class Body>
    void submit(Kind kind, Body body, core::Done<T> done, sqlite::Cost cost = {}) {
        writer_.submit(sqlite::make_operation<T>(kind, std::move(body), std::move(done), cost));
    }

    /// What is claimed and marked as sent is in flight.
    CalloutRecord as_seen(CalloutRecord callout) const {
        if (callout.state == CalloutState::kClaimed && session_.marks.contains(callout.id))
            callout.state = CalloutState::kInFlight;
        return callout;
    }
    std::vector<CalloutRecord> as_seen(std::vector<CalloutRecord> callouts) const {
        for (CalloutRecord& callout : callouts) callout = as_seen(std::move(callout));
        return callouts;
    }

    /// REQUIRES: not on the writer's thread.
    template <class T, class Body>
    core::Result<T> write(Kind kind, Body body) {
        return core::wait_done<T>([&](core::Done<T> done) {
            submit<T>(kind, std::move(body), std::move(done));
            if (!works_) writer_.catch_up();
        });
    }

    /// Deleted and replaced secrets leave the -wal only with this (Q13).
    core::Result<> truncate_wal();

    template <class T, class Body>
    core::Result<T> read(std::string_view doing, const Body& body) {
        const auto reader = readers_.borrow();
        if (!reader) return sqlite::storage_error(std::string(doing) + ": the database is closed");
        return sqlite::guarded<T>(doing, [&] { return body(reader->db()); });
    }

    const std::filesystem::path path_;
    const bool works_;  ///< for a daemon, beside which no read may last
    const KeyRing ring_;
    WriteSession session_;
    std::mutex maintenance_mutex_;  // held while a backup uses the writing connection
    bool closed_ = false;           // guarded by maintenance_mutex_
    sqlite::Readers readers_;
    sqlite::Writer writer_;
};

}  // namespace herald::storage
