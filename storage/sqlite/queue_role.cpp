// storage/callout_queue.h
#include <algorithm>
#include <utility>

#include "storage/sqlite/callout_commands.h"
#include "storage/sqlite/callout_life.h"
#include "storage/sqlite/callout_list.h"
#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/store_roles.h"

namespace herald::storage {
namespace {

constexpr std::size_t kCountStep = 5'000;

}  // namespace

void SqliteStore::append_event(NewEvent event, core::Done<AppendResult> done) {
    const sqlite::Cost cost = sqlite::cost_of(event);
    submit<AppendResult>(
        Kind::kIngest,
        [event = std::move(event)](WriteSession& session) {
            return sqlite::append(session, event);
        },
        std::move(done), cost);
}

void SqliteStore::claim_due(core::NotificationId notification, core::StoredTime now,
                            ClaimLimits limits, core::Done<Claim> done) {
    submit<Claim>(
        Kind::kDelivery,
        [notification, now, limits](WriteSession& session) {
            return sqlite::claim(session, notification, now, limits);
        },
        std::move(done));
}

void SqliteStore::record_attempt(CalloutOutcomePtr outcome, core::Done<bool> done) {
    const sqlite::Cost cost = sqlite::cost_of(outcome->attempts);
    submit<bool>(
        Kind::kOutcome,
        [outcome = std::move(outcome)](WriteSession& session) {
            return sqlite::record(session, *outcome).next_is_due;
        },
        std::move(done), cost);
}

void SqliteStore::update_callouts(std::vector<CalloutUpdate> updates, core::Done<bool> done) {
    const sqlite::Cost cost{.rows = updates.size()};
    submit<bool>(
        Kind::kDelivery,
        [updates = std::move(updates)](WriteSession& session) {
            bool next_is_due = false;
            for (const CalloutUpdate& update : updates)
                next_is_due |= sqlite::update(session, update).next_is_due;
            return next_is_due;
        },
        std::move(done), cost);
}

SqliteStore::Sending SqliteStore::start_sending(core::CalloutId id,
                                                core::NotificationId notification) {
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

core::Result<Recovered> SqliteStore::take_lease(std::string owner, core::StoredTime now) {
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

core::Result<CalloutRecord> SqliteStore::retry_callout(core::CalloutId id, core::StoredTime now) {
    return write<CalloutRecord>(
        Kind::kOther, [&](WriteSession& session) { return sqlite::retry(session, id, now); });
}

core::Result<RetriedDead> SqliteStore::retry_dead(const CalloutFilter& filter, core::StoredTime now,
                                                  std::size_t limit, bool dry_run) {
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

core::Result<std::int64_t> SqliteStore::retry_waiting(core::NotificationId notification,
                                                      core::StoredTime now, std::size_t limit,
                                                      bool dry_run) {
    const auto count = [&](auto& db) { return sqlite::count_waiting(db, notification, now); };
    if (dry_run) return read<std::int64_t>("count waiting callouts", count);
    limit = std::min(limit, sqlite::kStep);
    return write<std::int64_t>(Kind::kOther, [&](WriteSession& session) {
        return sqlite::retry_some_waiting(session, notification, now, limit);
    });
}

core::Result<CalloutRecord> SqliteStore::cancel_callout(core::CalloutId id) {
    auto cancelled = write<CalloutRecord>(
        Kind::kOther, [&](WriteSession& session) { return sqlite::cancel(session, id); });
    if (!cancelled) session_.marks.restore(id);
    return cancelled;
}

core::Result<std::int64_t> SqliteStore::retry_those_dead(const std::vector<core::CalloutId>& ids,
                                                         core::StoredTime now) {
    return write<std::int64_t>(Kind::kOther, [&](WriteSession& session) {
        return sqlite::retry_those_dead(session, ids, now);
    });
}

}  // namespace herald::storage
