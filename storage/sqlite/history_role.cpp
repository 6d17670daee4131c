// storage/history_store.h
#include <algorithm>
#include <utility>

#include "storage/sqlite/callout_list.h"
#include "storage/sqlite/callout_rows.h"
#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/retention.h"
#include "storage/sqlite/store_roles.h"

namespace herald::storage {

void SqliteStore::prune_history(HistoryBounds bounds, std::int64_t resume_after,
                                core::Done<Pruned> done) {
    submit<Pruned>(
        Kind::kOther,
        [bounds, resume_after](WriteSession& session) {
            return sqlite::prune_some(session, bounds, resume_after);
        },
        std::move(done));
}

core::Result<EventRecord> SqliteStore::event(core::EventId id) {
    return read<EventRecord>("read an event", [&](Connection& db) {
        return found(sqlite::find_event(db, id),
                     [&] { return core::not_found("event", id.text()); });
    });
}

core::Result<std::vector<CalloutRecord>> SqliteStore::callouts_of(core::EventId id) {
    return read<std::vector<CalloutRecord>>("read an event's callouts", [&](Connection& db) {
        const auto ids = found(sqlite::callout_ids_of(db, id),
                               [&] { return core::not_found("event", id.text()); });
        return as_seen(sqlite::find_callouts(db, ids));
    });
}

core::Result<CalloutRecord> SqliteStore::callout(core::CalloutId id) {
    return read<CalloutRecord>("read a callout", [&](Connection& db) {
        return as_seen(
            found(sqlite::find_callout(db, id), [&] { return sqlite::no_such_callout(id); }));
    });
}

core::Result<std::vector<AttemptRecord>> SqliteStore::attempts_of(core::CalloutId id) {
    return read<std::vector<AttemptRecord>>(
        "read attempts", [&](Connection& db) { return sqlite::find_attempts(db, id); });
}

core::Result<CalloutPage> SqliteStore::list_callouts(const CalloutFilter& filter) {
    if (filter.state != CalloutState::kClaimed && filter.state != CalloutState::kInFlight)
        return list_as_seen(filter);
    // Claimed and in flight are one state in the rows.
    CalloutFilter rest = filter;
    rest.state = CalloutState::kClaimed;
    rest.limit = CalloutFilter::kLongestPage;
    const std::size_t limit = std::clamp<std::size_t>(filter.limit, 1, CalloutFilter::kLongestPage);
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

core::Result<CalloutPage> SqliteStore::list_as_seen(const CalloutFilter& filter) {
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

core::Result<StoreCounts> SqliteStore::counts() {
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

}  // namespace herald::storage
