#include "storage/sqlite/callout_list.h"

#include <algorithm>
#include <array>

#include "storage/sqlite/callout_rows.h"
#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/hot_statements.h"

namespace herald::storage::sqlite {
namespace {

// ?1 <= id < ?2 throughout. A test holds every statement that is run here against its query plan.
constexpr Sql kWalk =
    "SELECT id, state, notification_name FROM callout WHERE id >= ?1 AND id < ?2"
    " ORDER BY id DESC LIMIT ?3";
constexpr Sql kDeadOrCancelled =
    "SELECT callout_id FROM dead_or_cancelled WHERE state = ?4 AND callout_id >= ?1"
    " AND callout_id < ?2 ORDER BY callout_id DESC LIMIT ?3";
constexpr Sql kDeadOrCancelledOf =
    "SELECT callout_id FROM dead_or_cancelled WHERE notification_name = ?5 AND state = ?4"
    " AND callout_id >= ?1 AND callout_id < ?2 ORDER BY callout_id DESC LIMIT ?3";
constexpr Sql kPending =
    "SELECT c.id FROM notification n CROSS JOIN callout c INDEXED BY callout_pending"
    " ON c.notification_id = n.id AND c.state = 0 LIMIT ?1";
constexpr Sql kPendingOf =
    "SELECT c.id FROM notification n CROSS JOIN callout c INDEXED BY callout_pending"
    " ON c.notification_id = n.id AND c.state = 0 WHERE n.name = ?2 LIMIT ?1";
constexpr Sql kClaimed =
    "SELECT c.id FROM notification n CROSS JOIN callout c INDEXED BY callout_claimed"
    " ON c.notification_id = n.id AND c.state = 1 LIMIT ?1";
constexpr Sql kClaimedOf =
    "SELECT c.id FROM notification n CROSS JOIN callout c INDEXED BY callout_claimed"
    " ON c.notification_id = n.id AND c.state = 1 WHERE n.name = ?2 LIMIT ?1";
constexpr SqlText kNotificationExists =
    ", EXISTS (SELECT 1 FROM callout c JOIN notification n ON n.id = c.notification_id"
    " WHERE c.id = u.callout_id) FROM dead_or_cancelled u WHERE";
constexpr SqlText kOldestFirst =
    " u.state = 3 AND u.callout_id >= ?1 AND u.callout_id < ?2 ORDER BY u.callout_id LIMIT ?3";
constexpr SqlText kDead = SqlText("SELECT u.callout_id") + kNotificationExists + kOldestFirst;
constexpr SqlText kDeadOf = SqlText("SELECT u.callout_id") + kNotificationExists +
                            " u.notification_name = ?4 AND" + kOldestFirst;

core::CalloutId id_filled_with(std::uint8_t byte) {
    core::CalloutId id;
    id.bytes.fill(byte);
    return id;
}

/// The smallest id that a callout created at `at` can have.
core::CalloutId first_id_at(core::StoredTime at) {
    core::CalloutId id;
    const auto ms =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, at.time_since_epoch().count()));
    for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
    return id;
}

core::CalloutId successor(core::CalloutId id) {
    for (auto byte = id.bytes.rbegin(); byte != id.bytes.rend() && ++*byte == 0; ++byte) {
    }
    return id;
}

IdRange range_of(const CalloutFilter& filter) {
    IdRange range{{}, id_filled_with(0xFF)};
    if (filter.since) range.first = first_id_at(*filter.since);
    if (filter.before) range.second = *filter.before;
    return range;
}

bool contains(const IdRange& range, const core::CalloutId& id) {
    return id >= range.first && id < range.second;
}

std::vector<core::CalloutId> read_ids(Query row) {
    std::vector<core::CalloutId> ids;
    while (row.next()) ids.push_back(row.take<core::CalloutId>());
    return ids;
}

std::vector<core::CalloutId> ids_of_event(Connection& db, const core::EventId& event,
                                          const IdRange& range) {
    auto ids = callout_ids_of(db, event).value_or(std::vector<core::CalloutId>());
    std::erase_if(ids, [&](const core::CalloutId& id) { return !contains(range, id); });
    std::ranges::sort(ids);
    return ids;
}

std::vector<core::CalloutId> some_unfinished(Connection& db, CalloutState state,
                                             const std::optional<std::string>& name,
                                             std::size_t limit) {
    if (state == CalloutState::kPending) {
        return read_ids(name ? db.query(kPendingOf, limit, *name) : db.query(kPending, limit));
    }
    return read_ids(name ? db.query(kClaimedOf, limit, *name) : db.query(kClaimed, limit));
}

DeadCallouts dead_of_event(Connection& db, const CalloutFilter& filter, const IdRange& range) {
    DeadCallouts dead;
    for (const CalloutRecord& callout : find_callouts(db, ids_of_event(db, *filter.event, range))) {
        dead.last = callout.id;
        if (callout.state == CalloutState::kDead) dead.ids.push_back(callout.id);
    }
    return dead;
}

NotificationCounts& counts_of(StoreCounts& counts, const core::NotificationId& id,
                              std::string name) {
    if (counts.notifications.empty() || counts.notifications.back().id != id)
        counts.notifications.push_back({.id = id, .name = std::move(name)});
    return counts.notifications.back();
}

void add(NotificationCounts& of, CalloutState state, std::int64_t count) {
    const std::array fields{&of.pending, &of.claimed, &of.delivered, &of.dead, &of.cancelled};
    *fields.at(static_cast<std::size_t>(state)) = count;
}

}  // namespace

Listing::Listing(const CalloutFilter& filter, const ListingLimits& limits)
    : filter_(filter),
      limit_(std::clamp<std::size_t>(filter.limit, 1, CalloutFilter::kLongestPage)),
      limits_(limits),
      range_(range_of(filter)) {}

void Listing::read_some(Connection& db) {
    if (filter_.event) return read_of_event(db);
    const auto state = filter_.state;
    if (state == CalloutState::kDead || state == CalloutState::kCancelled) return read_ended(db);
    const bool unfinished = state && state != CalloutState::kDelivered;
    if (unfinished && !walking_ && read_unfinished(db)) return;
    walking_ = true;
    walk(db);
}

bool Listing::matches(const CalloutRecord& callout) const {
    return (!filter_.state || callout.state == *filter_.state) &&
           (!filter_.notification || callout.notification_name == *filter_.notification);
}

void Listing::read_of_event(Connection& db) {
    auto ids = ids_of_event(db, *filter_.event, range_);
    for (auto id = ids.rbegin(); id != ids.rend() && left() > 0; ++id) {
        auto callout = find_callout(db, *id);
        if (callout && matches(*callout)) page_.callouts.push_back(std::move(*callout));
    }
    complete_ = true;
}

void Listing::read_ended(Connection& db) {
    const auto& [from, before] = range_;
    page_.callouts = find_callouts(
        db, read_ids(filter_.notification
                         ? db.query(kDeadOrCancelledOf, from, before, limit_, *filter_.state,
                                    *filter_.notification)
                         : db.query(kDeadOrCancelled, from, before, limit_, *filter_.state)));
    complete_ = true;
}

/// False where there are too many to sort.
bool Listing::read_unfinished(Connection& db) {
    auto ids = some_unfinished(db, *filter_.state, filter_.notification, limits_.sorted + 1);
    if (ids.size() > limits_.sorted) return false;
    std::erase_if(ids, [this](const core::CalloutId& id) { return !contains(range_, id); });
    std::ranges::sort(ids, std::greater<>());
    if (ids.size() > limit_) ids.resize(limit_);
    page_.callouts = find_callouts(db, ids);
    complete_ = true;
    return true;
}

void Listing::walk(Connection& db) {
    std::vector<core::CalloutId> found;
    std::size_t seen = 0;
    {
        auto row = db.query(kWalk, range_.first, range_.second, limits_.rows_a_step);
        while (found.size() < left() && row.next()) {
            ++seen;
            range_.second = row.take<core::CalloutId>();
            const auto state = row.take<CalloutState>();
            if (filter_.state && state != *filter_.state) continue;
            if (filter_.notification && row.take<std::string_view>() != *filter_.notification)
                continue;
            found.push_back(range_.second);
        }
    }
    std::ranges::move(find_callouts(db, found), std::back_inserter(page_.callouts));
    rows_seen_ += seen;
    const bool full = left() == 0;
    const bool at_the_end = !full && seen < limits_.rows_a_step;
    const bool gives_up = !full && !at_the_end && rows_seen_ >= limits_.rows_seen;
    if (gives_up) page_.resume_before = range_.second;
    complete_ = full || at_the_end || gives_up;
}

DeadCallouts dead_callouts(Connection& db, const CalloutFilter& filter, std::size_t limit) {
    IdRange range = range_of(filter);
    if (filter.after) range.first = std::max(range.first, successor(*filter.after));
    if (filter.event) return dead_of_event(db, filter, range);
    DeadCallouts dead;
    auto row = filter.notification
                   ? db.query(kDeadOf, range.first, range.second, limit, *filter.notification)
                   : db.query(kDead, range.first, range.second, limit);
    while (row.next()) {
        dead.last = row.take<core::CalloutId>();
        if (row.take<bool>()) dead.ids.push_back(*dead.last);
    }
    return dead;
}

StoreCounts read_counts(Connection& db) {
    StoreCounts counts;
    auto row = db.query(
        "SELECT n.id, n.name, t.state, t.count FROM notification n"
        " LEFT JOIN tally t ON t.notification_id = n.id ORDER BY n.id");
    while (row.next()) {
        const auto id = row.take<core::NotificationId>();
        NotificationCounts& of = counts_of(counts, id, row.take<std::string>());
        const auto state = row.take<std::optional<CalloutState>>();
        if (state) add(of, *state, row.take<std::int64_t>());
    }
    auto of_deleted =
        db.query("SELECT state, count FROM tally WHERE notification_id = zeroblob(16)");
    while (of_deleted.next()) {
        NotificationCounts& of = counts_of(counts, core::NotificationId(), "");
        const auto state = of_deleted.take<CalloutState>();
        add(of, state, of_deleted.take<std::int64_t>());
    }
    std::ranges::sort(counts.notifications, {}, [](const NotificationCounts& of) {
        return std::pair<const std::string&, const core::NotificationId&>(of.name, of.id);
    });
    auto events = db.query("SELECT value FROM counter WHERE name = 'events'");
    if (events.next()) counts.events = events.take<std::int64_t>();
    auto oldest = db.query(kOldestPending);
    if (oldest.next()) {
        if (const auto id = oldest.take<std::optional<core::CalloutId>>())
            counts.oldest_pending_at = created_at(*id);
    }
    return counts;
}

}  // namespace herald::storage::sqlite
