#include "storage/sqlite/retention.h"

#include "storage/sqlite/callout_life.h"
#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/hot_statements.h"
#include "storage/sqlite/notification_rows.h"

namespace herald::storage::sqlite {
namespace {

/// What one step may look at and remove: some milliseconds of the writer's time. One event may
/// overdraw it.
class Budget final {
public:
    [[nodiscard]] bool is_spent() const { return events_ <= 0 || rows_ <= 0 || bytes_ <= 0; }
    void spend_event(std::int64_t bytes) {
        --events_;
        bytes_ -= bytes;
    }
    /// Callouts that were looked at, attempts that were removed: an excerpt may fill a page.
    void spend_rows(std::int64_t count) { rows_ -= count; }

private:
    std::int64_t events_ = 200;
    std::int64_t rows_ = 500;
    std::int64_t bytes_ = 1L << 20;
};

struct OldEvent {
    std::int64_t seq = 0;
    std::int64_t bytes = 0;
    core::StoredTime received_at;
    std::vector<core::CalloutId> callouts;
};

std::optional<OldEvent> next_event(Connection& db, std::int64_t after) {
    auto row = db.query(kNextEvent, after);
    if (!row.next()) return std::nullopt;
    OldEvent event;
    event.seq = row.take<std::int64_t>();
    event.bytes = row.take<std::int64_t>();
    event.received_at = row.take<core::StoredTime>();
    event.callouts = split_ids(row.take<std::string_view>());
    return event;
}

std::int64_t bytes_in_use(Connection& db) {
    auto row = db.query(
        "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count,"
        " pragma_freelist_count, pragma_page_size");
    return row.next() ? row.take<std::int64_t>() : 0;
}

struct EndedCallout {
    core::CalloutId id;
    core::NotificationId notification;
    CalloutState state = CalloutState::kDelivered;
};

/// Empty where one of them is unfinished.
std::optional<std::vector<EndedCallout>> ended_callouts(Connection& db,
                                                        const std::vector<core::CalloutId>& ids,
                                                        Budget& budget) {
    std::vector<EndedCallout> ended;
    for (const core::CalloutId& id : ids) {
        budget.spend_rows(1);
        auto row = db.query(kCalloutPlace, id);
        if (!row.next()) continue;
        EndedCallout callout{.id = id, .notification = row.take<core::NotificationId>()};
        callout.state = row.take<CalloutState>();
        if (!is_end(callout.state)) return std::nullopt;
        ended.push_back(callout);
    }
    return ended;
}

/// The counts of deleted notifications stand together, see Tally::fold_deleted.
core::NotificationId counted_for(Connection& db, const core::NotificationId& notification) {
    return notification_exists(db, notification) ? notification : core::NotificationId();
}

void remove(WriteSession& session, const EndedCallout& callout, Budget& budget) {
    budget.spend_rows(session.db.run(kDeleteAttempts, callout.id));
    session.db.run(kDeleteCallout, callout.id);
    session.db.run(kUnlistDeadOrCancelled, callout.state, callout.id);
    session.tally.removed(counted_for(session.db, callout.notification), callout.state);
}

/// False where it has to stay.
bool remove_if_ended(WriteSession& session, const OldEvent& event, Budget& budget) {
    const auto callouts = ended_callouts(session.db, event.callouts, budget);
    if (!callouts) return false;
    for (const EndedCallout& callout : *callouts) remove(session, callout, budget);
    session.db.run(kDeleteEvent, event.seq);
    session.events.forget(event.seq);
    session.tally.event_removed();
    return true;
}

}  // namespace

Pruned prune_some(WriteSession& session, const HistoryBounds& bounds, std::int64_t resume_after) {
    Pruned pruned;
    Budget budget;
    const bool too_big = bounds.max_bytes && bytes_in_use(session.db) > *bounds.max_bytes;
    // Events lie in the order in which they came in, so a step that saw only young ones is the
    // last. One with a time ahead of now says nothing: the clock stood wrong when it came in.
    const core::StoredTime now = session.clock.stored_now();
    bool goes_on = false;
    while (!budget.is_spent()) {
        const auto event = next_event(session.db, resume_after);
        if (!event) return pruned;
        resume_after = event->seq;
        budget.spend_event(event->bytes);
        const bool too_old = bounds.keep_since && event->received_at < *bounds.keep_since;
        goes_on = goes_on || too_old || too_big || event->received_at > now;
        if (!too_old && !too_big) continue;
        if (remove_if_ended(session, *event, budget)) ++pruned.events;
    }
    if (goes_on) pruned.resume_after = resume_after;
    return pruned;
}

}  // namespace herald::storage::sqlite
