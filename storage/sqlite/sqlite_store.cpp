#include "storage/sqlite/sqlite_store.h"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>

#include "storage/beside_database.h"
#include "storage/sqlite/backup.h"
#include "storage/sqlite/callout_commands.h"
#include "storage/sqlite/callout_life.h"
#include "storage/sqlite/callout_list.h"
#include "storage/sqlite/callout_rows.h"
#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/hardening.h"
#include "storage/sqlite/notification_commands.h"
#include "storage/sqlite/notification_rows.h"
#include "storage/sqlite/open_database.h"
#include "storage/sqlite/operation.h"
#include "storage/sqlite/provider_commands.h"
#include "storage/sqlite/provider_rows.h"
#include "storage/sqlite/readers.h"
#include "storage/sqlite/reseal.h"
#include "storage/sqlite/retention.h"
#include "storage/sqlite/time_line.h"
#include "storage/sqlite/token_rows.h"
#include "storage/sqlite/writer.h"

namespace herald::storage {
namespace {

using sqlite::Connection;
using sqlite::Refusal;
using sqlite::WriteSession;
using Kind = sqlite::Operation::Kind;

constexpr std::size_t kReaders = 4;

core::Error too_large() {
    return sqlite::conflict("already_running",
                            "check the database: it is too large to be read through while a daemon "
                            "writes; stop the daemon first");
}

class SqliteStore final : public Store {
public:
    SqliteStore(SqliteStoreOptions options, KeyRing ring, core::Clock& clock)
        : path_(options.path),
          works_(options.writer_thread),
          ring_(std::move(ring)),
          session_(sqlite::open_writer(options.path, ring_, clock), options.path, ring_, clock),
          readers_(options.path, options.writer_thread ? kReaders : 1),
          writer_(session_, ballast(options),
                  {.thread = options.writer_thread,
                   .max_batch = options.max_batch,
                   .on_fatal = std::move(options.on_fatal)}) {}
    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;
    ~SqliteStore() override { close(); }

    core::Result<> add_provider(ProviderRecord record, std::optional<TokenRecord> token) override {
        return write<void>(Kind::kOther, [&](WriteSession& session) {
            sqlite::add_provider(session, record, token);
        });
    }

    core::Result<ProviderRecord> edit_provider(
        std::string_view name, std::function<core::Result<>(ProviderEdit&)> change) override {
        return write<ProviderRecord>(Kind::kOther, [&](WriteSession& session) {
            return sqlite::edit_provider(session, name, change);
        });
    }

    core::Result<> delete_provider(std::string_view name) override {
        auto deleted = write<void>(
            Kind::kOther, [&](WriteSession& session) { sqlite::delete_provider(session, name); });
        // The deletion stands whether or not the -wal can be emptied now.
        if (deleted) static_cast<void>(truncate_wal());
        return deleted;
    }

    core::Result<std::vector<ProviderRecord>> providers() override {
        return read<std::vector<ProviderRecord>>(
            "list providers", [&](Connection& db) { return sqlite::all_providers(db, ring_); });
    }

    core::Result<ProviderRecord> provider(std::string_view name) override {
        return read<ProviderRecord>("read a provider", [&](Connection& db) {
            return found(sqlite::find_provider(db, ring_, name),
                         [&] { return sqlite::no_such_provider(name); });
        });
    }

    core::Result<std::vector<std::string>> provider_users(core::ProviderId id) override {
        return read<std::vector<std::string>>("list notifications", [&](Connection& db) {
            return sqlite::users_of_provider(db, id);
        });
    }

    core::Result<std::optional<TokenRecord>> token(core::ProviderId id) override {
        return read<std::optional<TokenRecord>>(
            "read a token", [&](Connection& db) { return sqlite::find_token(db, ring_, id); });
    }

    core::Result<> add_notification(NotificationRecord record) override {
        return write<void>(Kind::kOther, [&](WriteSession& session) {
            sqlite::add_notification(session, record);
        });
    }

    core::Result<NotificationRecord> edit_notification(
        std::string_view name, std::function<core::Result<>(NotificationRecord&)> change) override {
        return write<NotificationRecord>(Kind::kOther, [&](WriteSession& session) {
            return sqlite::edit_notification(session, name, change);
        });
    }

    core::Result<> delete_notification(std::string_view name, bool cancel_pending) override {
        for (;;) {
            auto step = write<sqlite::Deletion>(Kind::kOther, [&](WriteSession& session) {
                return sqlite::delete_notification_step(session, name, cancel_pending);
            });
            if (!step) return step.error();
            if (*step == sqlite::Deletion::kDone) return {};
            // Asked again without cancelling, it says how many are in the way.
            if (*step == sqlite::Deletion::kClaimed) cancel_pending = false;
        }
    }

    core::Result<std::vector<NotificationRecord>> notifications() override {
        return read<std::vector<NotificationRecord>>("list notifications", [&](Connection& db) {
            return sqlite::all_notifications(db, ring_);
        });
    }

    core::Result<NotificationRecord> notification(std::string_view name) override {
        return read<NotificationRecord>("read a notification", [&](Connection& db) {
            return found(sqlite::find_notification(db, ring_, name),
                         [&] { return sqlite::no_such_notification(name); });
        });
    }

    core::Result<NotificationRecord> notification(core::NotificationId id) override {
        return read<NotificationRecord>("read a notification", [&](Connection& db) {
            return found(sqlite::find_notification(db, ring_, id),
                         [&] { return sqlite::no_such_notification(id.text()); });
        });
    }

    std::optional<std::vector<core::NotificationId>> notifications_changed_since(
        std::int64_t version) override {
        return session_.changed_since(version);
    }

    std::int64_t catalogue_version() const noexcept override {
        return session_.catalogue_version();
    }

    void save_token_outcome(TokenOutcome outcome, core::Done<> done) override {
        submit<void>(
            Kind::kDelivery,
            [outcome = std::move(outcome)](WriteSession& session) {
                sqlite::save_token_outcome(session, outcome);
            },
            std::move(done));
    }

    void note_refresh_started(TokenFence fence, std::string fingerprint,
                              core::Done<bool> done) override {
        submit<bool>(
            Kind::kOther,
            [fence, fingerprint = std::move(fingerprint)](WriteSession& session) {
                return sqlite::note_refresh_started(session, fence, fingerprint);
            },
            std::move(done));
    }

    void save_metadata(core::ProviderId id, std::int64_t config_version,
                       boost::json::object metadata, core::Done<> done) override {
        submit<void>(
            Kind::kOther,
            [id, config_version, metadata = std::move(metadata)](WriteSession& session) {
                sqlite::save_metadata(session, id, config_version, metadata);
            },
            std::move(done));
    }

    void replace_refresh_token(core::ProviderId id, core::Secret presented, core::Secret successor,
                               core::Done<bool> done) override {
        submit<bool>(
            Kind::kDelivery,
            [id, presented = std::move(presented),
             successor = std::move(successor)](WriteSession& session) {
                return sqlite::replace_refresh_token(session, id, presented, successor);
            },
            std::move(done));
    }

    void revoke_token(core::ProviderId id, std::vector<PendingRevocation> pending,
                      core::Done<std::int64_t> done) override {
        submit<std::int64_t>(
            Kind::kOther,
            [id, pending = std::move(pending)](WriteSession& session) {
                return sqlite::revoke_token(session, id, pending);
            },
            std::move(done));
    }

    void queue_revocation(PendingRevocation pending, core::Done<> done) override {
        submit<void>(
            Kind::kOther,
            [pending = std::move(pending)](WriteSession& session) {
                sqlite::queue_revocation(session, pending);
            },
            std::move(done));
    }

    void finish_revocation(std::int64_t id, std::optional<core::StoredTime> next_try_at,
                           core::Done<> done) override {
        submit<void>(
            Kind::kOther,
            [id, next_try_at](WriteSession& session) {
                sqlite::finish_revocation(session, id, next_try_at);
            },
            std::move(done));
    }

    core::Result<std::vector<PendingRevocation>> pending_revocations() override {
        return read<std::vector<PendingRevocation>>(
            "list revocations", [&](Connection& db) { return sqlite::all_revocations(db, ring_); });
    }

    void append_event(NewEvent event, core::Done<AppendResult> done) override {
        const sqlite::Cost cost = sqlite::cost_of(event);
        submit<AppendResult>(
            Kind::kIngest,
            [event = std::move(event)](WriteSession& session) {
                return sqlite::append(session, event);
            },
            std::move(done), cost);
    }

    void claim_due(core::NotificationId notification, core::StoredTime now, ClaimLimits limits,
                   core::Done<Claim> done) override {
        submit<Claim>(
            Kind::kDelivery,
            [notification, now, limits](WriteSession& session) {
                return sqlite::claim(session, notification, now, limits);
            },
            std::move(done));
    }

    void record_attempt(std::vector<AttemptRecord> attempts, CalloutUpdate update,
                        core::Done<bool> done) override {
        const sqlite::Cost cost = sqlite::cost_of(attempts);
        auto ended = [this, id = update.id, done = std::move(done)](core::Result<bool> result) {
            if (result) session_.marks.end(id);
            done(std::move(result));
        };
        submit<bool>(
            Kind::kOutcome,
            [attempts = std::move(attempts), update = std::move(update)](WriteSession& session) {
                return sqlite::record(session, attempts, update).next_is_due;
            },
            std::move(ended), cost);
    }

    void update_callouts(std::vector<CalloutUpdate> updates, core::Done<bool> done) override {
        const sqlite::Cost cost{.rows = updates.size()};
        std::vector<core::CalloutId> ids;
        for (const CalloutUpdate& update : updates) ids.push_back(update.id);
        auto ended = [this, ids = std::move(ids),
                      done = std::move(done)](core::Result<bool> result) {
            if (result)
                std::ranges::for_each(ids, [this](const auto& id) { session_.marks.end(id); });
            done(std::move(result));
        };
        submit<bool>(
            Kind::kDelivery,
            [updates = std::move(updates)](WriteSession& session) {
                bool next_is_due = false;
                for (const CalloutUpdate& update : updates)
                    next_is_due |= sqlite::update(session, update).next_is_due;
                return next_is_due;
            },
            std::move(ended), cost);
    }

    void prune_history(HistoryBounds bounds, std::int64_t resume_after,
                       core::Done<Pruned> done) override {
        submit<Pruned>(
            Kind::kOther,
            [bounds, resume_after](WriteSession& session) {
                return sqlite::prune_some(session, bounds, resume_after);
            },
            std::move(done));
    }

    void keep_time(core::KeptTime time, core::Done<> done) override {
        submit<void>(
            Kind::kOther, [time](WriteSession& session) { sqlite::keep_time(session.db, time); },
            std::move(done));
    }

    Sending start_sending(core::CalloutId id, core::NotificationId notification) override {
        switch (session_.marks.begin(id, notification)) {
            case SendMarks::Begin::kMarked:
                return Sending::kMayStart;
            case SendMarks::Begin::kCancelled:
                return Sending::kCancelled;
            case SendMarks::Begin::kTwice:
                break;
        }
        return Sending::kUnderWay;
    }

    core::Result<Recovered> take_lease(std::string owner, core::StoredTime now) override {
        Recovered total{.exact = session_.marks.complete()};
        for (;;) {
            auto step = write<Recovered>(Kind::kOther, [now](WriteSession& session) {
                return sqlite::recover_some(session, now);
            });
            if (!step) return step.error();
            if (step->sent_again + step->given_back + step->crash_loops == 0) break;
            total.sent_again += step->sent_again;
            total.given_back += step->given_back;
            total.crash_loops += step->crash_loops;
        }
        auto taken = write<std::int64_t>(Kind::kOther, [&](WriteSession& session) {
            return sqlite::begin_lease(session, owner, now);
        });
        if (!taken) return taken.error();
        session_.marks.start(*taken);
        return total;
    }

    core::Result<CalloutRecord> retry_callout(core::CalloutId id, core::StoredTime now) override {
        return write<CalloutRecord>(
            Kind::kOther, [&](WriteSession& session) { return sqlite::retry(session, id, now); });
    }

    core::Result<RetriedDead> retry_dead(const CalloutFilter& filter, core::StoredTime now,
                                         std::size_t limit, bool dry_run) override {
        RetriedDead total;
        CalloutFilter dead = filter;
        dead.state = CalloutState::kDead;
        while (dry_run || std::cmp_less(total.count, limit)) {
            const std::size_t left = limit - static_cast<std::size_t>(total.count);
            const std::size_t step = dry_run ? kCountStep : std::min(left, sqlite::kStep);
            auto found = read<sqlite::DeadCallouts>("list dead callouts", [&](Connection& db) {
                return sqlite::dead_callouts(db, dead, step);
            });
            if (!found) return found.error();
            if (!found->last) break;
            dead.after = total.last = found->last;
            if (found->ids.empty()) continue;
            auto done = dry_run ? core::Result<std::int64_t>(std::ssize(found->ids))
                                : retry_those_dead(found->ids, now);
            if (!done) return done.error();
            total.count += *done;
        }
        return total;
    }

    core::Result<std::int64_t> retry_waiting(core::NotificationId notification,
                                             core::StoredTime now, std::size_t limit,
                                             bool dry_run) override {
        const auto count = [&](auto& db) { return sqlite::count_waiting(db, notification, now); };
        if (dry_run) return read<std::int64_t>("count waiting callouts", count);
        limit = std::min(limit, sqlite::kStep);
        return write<std::int64_t>(Kind::kOther, [&](WriteSession& session) {
            return sqlite::retry_some_waiting(session, notification, now, limit);
        });
    }

    core::Result<CalloutRecord> cancel_callout(core::CalloutId id) override {
        auto cancelled = write<CalloutRecord>(
            Kind::kOther, [&](WriteSession& session) { return sqlite::cancel(session, id); });
        if (!cancelled) session_.marks.restore(id);
        return cancelled;
    }

    core::Result<EventRecord> event(core::EventId id) override {
        return read<EventRecord>("read an event", [&](Connection& db) {
            return found(sqlite::find_event(db, id),
                         [&] { return core::not_found("event", id.text()); });
        });
    }

    core::Result<std::vector<CalloutRecord>> callouts_of(core::EventId id) override {
        return read<std::vector<CalloutRecord>>("read an event's callouts", [&](Connection& db) {
            const auto ids = found(sqlite::callout_ids_of(db, id),
                                   [&] { return core::not_found("event", id.text()); });
            return as_seen(sqlite::find_callouts(db, ids));
        });
    }

    core::Result<CalloutRecord> callout(core::CalloutId id) override {
        return read<CalloutRecord>("read a callout", [&](Connection& db) {
            return as_seen(
                found(sqlite::find_callout(db, id), [&] { return sqlite::no_such_callout(id); }));
        });
    }

    core::Result<std::vector<AttemptRecord>> attempts_of(core::CalloutId id) override {
        return read<std::vector<AttemptRecord>>(
            "read attempts", [&](Connection& db) { return sqlite::find_attempts(db, id); });
    }

    core::Result<CalloutPage> list_callouts(const CalloutFilter& filter) override {
        if (filter.state != CalloutState::kClaimed && filter.state != CalloutState::kInFlight)
            return list_as_seen(filter);
        // Claimed and in flight are one state in the rows.
        CalloutFilter rest = filter;
        rest.state = CalloutState::kClaimed;
        rest.limit = kLongestList;
        const std::size_t limit = std::clamp<std::size_t>(filter.limit, 1, kLongestList);
        CalloutPage found;
        for (;;) {
            auto page = list_as_seen(rest);
            if (!page) return page.error();
            const bool full = page->callouts.size() == rest.limit;
            if (full) rest.before = page->callouts.back().id;
            for (CalloutRecord& callout : page->callouts) {
                if (callout.state == *filter.state && found.callouts.size() < limit)
                    found.callouts.push_back(std::move(callout));
            }
            if (full && found.callouts.size() < limit) continue;
            found.resume_before = page->resume_before;
            return found;
        }
    }

    core::Result<CalloutPage> list_as_seen(const CalloutFilter& filter) {
        sqlite::Listing listing(filter);
        while (!listing.complete()) {
            auto done = read<void>("list callouts", [&](Connection& db) -> core::Result<> {
                listing.read_some(db);
                return {};
            });
            if (!done) return done.error();
        }
        CalloutPage page = listing.take();
        page.callouts = as_seen(std::move(page.callouts));
        return page;
    }

    core::Result<StoreCounts> counts() override {
        return read<StoreCounts>("count", [&](Connection& db) {
            StoreCounts counts = sqlite::read_counts(db);
            const SendMarks::Counts sent = session_.marks.counts();
            const bool complete = session_.marks.complete();
            for (NotificationCounts& of : counts.notifications) {
                const auto found = sent.find(of.id);
                of.in_flight = found == sent.end() ? 0 : found->second;
                // Marks and rows are read at different moments.
                if (!complete || of.in_flight > of.claimed) of.in_flight = of.claimed;
                of.claimed -= of.in_flight;
            }
            return counts;
        });
    }

    core::Result<> backup(const std::string& path) override {
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

    core::Result<std::int64_t> reseal() override {
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

    core::Result<std::vector<std::string>> check() override {
        using Problems = std::vector<std::string>;
        return sqlite::guarded<Problems>("check the database", [&]() -> core::Result<Problems> {
            if (works_ && sqlite::size_of(path_) > kCheckedBesideWork) throw Refusal(too_large());
            // On a connection of its own: it takes as long as reading the whole file does.
            Connection db = sqlite::open_reader(path_);
            return sqlite::integrity_problems(db);
        });
    }

    core::Result<> rebuild_indexes() override {
        return write<void>(Kind::kAlone, [](WriteSession& session) { session.db.run("REINDEX"); });
    }

    void close() override {
        writer_.stop();
        const std::scoped_lock lock(maintenance_mutex_);
        if (std::exchange(closed_, true)) return;
        readers_.close();
        if (!writer_.failed()) session_.marks.remove_file();
        sqlite::close_writer(session_.db, writer_.failed());
    }

private:
    /// A second or two; the -wal grows for as long as a read lasts.
    static constexpr std::uintmax_t kCheckedBesideWork = 256UL * 1024 * 1024;
    static constexpr std::size_t kCountStep = 5'000;
    static constexpr std::size_t kLongestList = 1000;

    static std::optional<sqlite::Ballast> ballast(const SqliteStoreOptions& options) {
        if (!options.writer_thread) return std::nullopt;
        return sqlite::Ballast(options.path);
    }

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
        return core::wait_done<T>(
            [&](core::Done<T> done) { submit<T>(kind, std::move(body), std::move(done)); });
    }

    /// Small transactions, so that others get their turn in between.
    template <class Step>
    core::Result<std::int64_t> write_until_none_left(const Step& step) {
        std::int64_t total = 0;
        for (;;) {
            auto done = write<std::int64_t>(Kind::kOther, step);
            if (!done) return done;
            if (*done == 0) return total;
            total += *done;
        }
    }

    core::Result<std::int64_t> retry_those_dead(const std::vector<core::CalloutId>& ids,
                                                core::StoredTime now) {
        return write<std::int64_t>(Kind::kOther, [&](WriteSession& session) {
            return sqlite::retry_those_dead(session, ids, now);
        });
    }

    /// Deleted and replaced secrets leave the -wal only with this (Q13).
    core::Result<> truncate_wal() {
        return write<void>(Kind::kAlone, [](WriteSession& session) {
            sqlite::checkpoint(session.db, sqlite::Checkpoint::kTruncate);
        });
    }

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

}  // namespace

core::Result<std::unique_ptr<Store>> open_sqlite_store(SqliteStoreOptions options, KeyRing ring,
                                                       core::Clock& clock) {
    options.path = resolved_database(options.path);
    if (auto prepared = sqlite::prepare_database_file(options.path); !prepared)
        return prepared.error();
    const std::string doing = "open database " + options.path.string() + ": ";
    try {
        return std::make_unique<SqliteStore>(std::move(options), std::move(ring), clock);
    } catch (const Refusal& refusal) {
        core::Error error = refusal.error();
        error.message.insert(0, doing);
        return error;
    } catch (const sqlite::Failure& failure) {
        return sqlite::to_open_error(failure, doing);
    } catch (const std::exception& exception) {
        return sqlite::storage_error(doing + exception.what());
    }
}

bool database_exists(const std::filesystem::path& path) {
    return sqlite::size_of(path) > 0;
}

}  // namespace herald::storage
