#include "storage/sqlite/retention.h"

#include "storage/sqlite/callout_rows.h"
#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/hot_statements.h"

namespace herald::storage::sqlite {
namespace {

// Some milliseconds of the writer's time; deliveries go on between two steps.
constexpr std::size_t kEventsLookedAt = 200;
constexpr std::size_t kCalloutsDeleted = 500;

struct OldEvent {
    std::int64_t seq = 0;
    core::SystemTime received_at;
    std::vector<core::CalloutId> callouts;
};

std::vector<OldEvent> oldest_events(Connection& db, std::int64_t after) {
    std::vector<OldEvent> events;
    auto row = db.query(kOldestEvents, after, kEventsLookedAt);
    while (row.next()) {
        OldEvent event;
        event.seq = row.take<std::int64_t>();
        event.received_at = row.take<core::SystemTime>();
        event.callouts = split_ids(row.take<std::string_view>());
        events.push_back(std::move(event));
    }
    return events;
}

std::int64_t bytes_in_use(Connection& db) {
    auto row = db.query(
        "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count,"
        " pragma_freelist_count, pragma_page_size");
    return row.next() ? row.take<std::int64_t>() : 0;
}

bool is_finished(const CalloutRecord& callout) {
    return callout.state != CalloutState::kPending && callout.state != CalloutState::kInFlight;
}

bool notification_exists(Connection& db, const core::NotificationId& id) {
    return db.query("SELECT 1 FROM notification WHERE id = ?", id).next();
}

void remove(WriteSession& session, const CalloutRecord& callout) {
    session.db.run("DELETE FROM attempt WHERE callout_id = ?", callout.id);
    session.db.run("DELETE FROM callout WHERE id = ?", callout.id);
    // The counts of deleted notifications stand together, see Tally::fold_deleted.
    const core::NotificationId& counted_for = *callout.notification;
    session.tally.removed(
        notification_exists(session.db, counted_for) ? counted_for : core::NotificationId(),
        callout.state);
}

}  // namespace

Pruned prune_some(WriteSession& session, const HistoryBounds& bounds, std::int64_t resume_after) {
    Pruned pruned;
    const bool too_big = bounds.max_bytes && bytes_in_use(session.db) > *bounds.max_bytes;
    const auto events = oldest_events(session.db, resume_after);
    std::size_t deleted = 0;
    for (const OldEvent& event : events) {
        const bool too_old = bounds.keep_since && event.received_at < *bounds.keep_since;
        if (!too_old && !too_big) return pruned;
        pruned.resume_after = event.seq;
        const auto callouts = find_callouts(session.db, event.callouts);
        if (!std::ranges::all_of(callouts, is_finished)) continue;
        for (const CalloutRecord& callout : callouts) remove(session, callout);
        session.db.run("DELETE FROM event WHERE seq = ?", event.seq);
        session.tally.event_removed();
        ++pruned.events;
        deleted += callouts.size() + 1;
        if (deleted >= kCalloutsDeleted) return pruned;
    }
    if (events.size() < kEventsLookedAt) pruned.resume_after.reset();
    return pruned;
}

}  // namespace herald::storage::sqlite
