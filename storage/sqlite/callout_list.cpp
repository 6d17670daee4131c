#include "storage/sqlite/callout_list.h"

#include <algorithm>

#include "storage/sqlite/callout_rows.h"
#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/hot_statements.h"

namespace herald::storage::sqlite {
namespace {

constexpr std::size_t kMostRowsLookedAt = 20'000;
constexpr std::size_t kLongestPage = 1000;

// ?1 and ?2 bound the id: ?1 <= id < ?2.
constexpr SqlText kAny = kSelectCallout + " WHERE id >= ?1 AND id < ?2 ORDER BY id DESC";
constexpr SqlText kUndelivered =
    kSelectCallout +
    " WHERE id IN (SELECT callout_id FROM undelivered WHERE state = ?4 AND callout_id >= ?1"
    " AND callout_id < ?2 ORDER BY callout_id DESC LIMIT ?3) ORDER BY id DESC";
constexpr SqlText kUndeliveredOf =
    kSelectCallout +
    " WHERE id IN (SELECT callout_id FROM undelivered WHERE notification_name = ?5 AND state = ?4"
    " AND callout_id >= ?1 AND callout_id < ?2 ORDER BY callout_id DESC LIMIT ?3)"
    " ORDER BY id DESC";
// What is unfinished lies in one index by due time: the ids are sorted from that alone, then looked
// up.
constexpr SqlText kUnfinished =
    kSelectCallout +
    " WHERE id IN (SELECT c.id FROM notification n CROSS JOIN callout c INDEXED BY callout_pending"
    " ON c.notification_id = n.id AND c.state = 0 WHERE c.id >= ?1 AND c.id < ?2"
    " AND (?4 IS NULL OR n.name = ?4) ORDER BY c.id DESC LIMIT ?3) ORDER BY id DESC";
constexpr SqlText kClaimed =
    kSelectCallout +
    " WHERE id IN (SELECT c.id FROM notification n CROSS JOIN callout c"
    " INDEXED BY callout_claimed ON c.notification_id = n.id AND c.state = 1 WHERE c.id >= ?1 "
    "AND c.id < ?2"
    " AND (?4 IS NULL OR n.name = ?4) ORDER BY c.id DESC LIMIT ?3) ORDER BY id DESC";
constexpr SqlText kOfKnownNotification =
    " AND EXISTS (SELECT 1 FROM callout c JOIN notification n ON n.id = c.notification_id"
    " WHERE c.id = u.callout_id) ORDER BY u.callout_id LIMIT ?3";
constexpr SqlText kDeadOldestFirst =
    SqlText(
        "SELECT u.callout_id FROM undelivered u WHERE u.state = 3 AND u.callout_id >= ?1"
        " AND u.callout_id < ?2") +
    kOfKnownNotification;
constexpr SqlText kDeadOfOldestFirst =
    SqlText(
        "SELECT u.callout_id FROM undelivered u WHERE u.notification_name = ?4"
        " AND u.state = 3 AND u.callout_id >= ?1 AND u.callout_id < ?2") +
    kOfKnownNotification;

core::CalloutId id_filled_with(std::uint8_t byte) {
    core::CalloutId id;
    id.bytes.fill(byte);
    return id;
}

/// The smallest id that a callout created at `at` can have.
core::CalloutId first_id_at(core::SystemTime at) {
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

struct Range {
    core::CalloutId from;
    core::CalloutId before;
};

Range range_of(const CalloutFilter& filter) {
    Range range{.from = {}, .before = id_filled_with(0xFF)};
    if (filter.since) range.from = first_id_at(*filter.since);
    if (filter.before) range.before = *filter.before;
    return range;
}

bool matches(const CalloutFilter& filter, const Range& range, const CalloutRecord& callout) {
    if (filter.state && callout.state != *filter.state) return false;
    if (filter.notification && callout.notification_name != *filter.notification) return false;
    return callout.id >= range.from && callout.id < range.before;
}

std::vector<CalloutRecord> read_all(Query row) {
    std::vector<CalloutRecord> callouts;
    while (row.next()) callouts.push_back(read_callout(row));
    return callouts;
}

ListPage of_event(Connection& db, const CalloutFilter& filter, std::size_t limit) {
    ListPage page;
    const Range range = range_of(filter);
    const auto ids = callout_ids_of(db, *filter.event).value_or(std::vector<core::CalloutId>());
    for (CalloutRecord& callout : find_callouts(db, ids)) {
        if (matches(filter, range, callout)) page.callouts.push_back(std::move(callout));
    }
    std::ranges::sort(page.callouts, std::greater<>(), &CalloutRecord::id);
    if (page.callouts.size() > limit) page.callouts.resize(limit);
    return page;
}

ListPage walk(Connection& db, const CalloutFilter& filter, std::size_t limit) {
    ListPage page;
    const Range range = range_of(filter);
    auto row = db.query(kAny, range.from, range.before);
    for (std::size_t seen = 0; page.callouts.size() < limit && row.next(); ++seen) {
        CalloutRecord callout = read_callout(row);
        page.resume_before = callout.id;
        if (matches(filter, range, callout)) page.callouts.push_back(std::move(callout));
        if (seen >= kMostRowsLookedAt) return page;
    }
    page.resume_before.reset();
    return page;
}

template <class... Values>
ListPage from_index(Connection& db, Sql sql, const Values&... values) {
    return {.callouts = read_all(db.query(sql, values...)), .resume_before = std::nullopt};
}

}  // namespace

ListPage list_page(Connection& db, const CalloutFilter& filter) {
    const std::size_t limit = std::clamp<std::size_t>(filter.limit, 1, kLongestPage);
    if (filter.event) return of_event(db, filter, limit);
    if (!filter.state || *filter.state == CalloutState::kDelivered) return walk(db, filter, limit);
    const Range range = range_of(filter);
    const auto& name = filter.notification;
    switch (*filter.state) {
        case CalloutState::kDead:
        case CalloutState::kCancelled:
            return name ? from_index(db, kUndeliveredOf, range.from, range.before, limit,
                                     *filter.state, *name)
                        : from_index(db, kUndelivered, range.from, range.before, limit,
                                     *filter.state);
        case CalloutState::kPending:
            return from_index(db, kUnfinished, range.from, range.before, limit, name);
        case CalloutState::kClaimed:
        case CalloutState::kInFlight:
            return from_index(db, kClaimed, range.from, range.before, limit, name);
        case CalloutState::kDelivered:
            break;
    }
    return {};
}

std::vector<core::CalloutId> dead_callouts(Connection& db, const CalloutFilter& filter,
                                           std::size_t limit) {
    std::vector<core::CalloutId> ids;
    Range range = range_of(filter);
    if (filter.after) range.from = std::max(range.from, successor(*filter.after));
    if (filter.event) {
        const auto of_event =
            callout_ids_of(db, *filter.event).value_or(std::vector<core::CalloutId>());
        for (const CalloutRecord& callout : find_callouts(db, of_event)) {
            if (matches(filter, range, callout)) ids.push_back(callout.id);
        }
        return ids;
    }
    auto row = filter.notification ? db.query(kDeadOfOldestFirst, range.from, range.before, limit,
                                              *filter.notification)
                                   : db.query(kDeadOldestFirst, range.from, range.before, limit);
    while (row.next()) ids.push_back(row.take<core::CalloutId>());
    return ids;
}

StoreCounts read_counts(Connection& db) {
    StoreCounts counts;
    auto row = db.query(
        "SELECT n.id, n.name, t.state, t.count FROM notification n"
        " LEFT JOIN tally t ON t.notification_id = n.id"
        " UNION ALL SELECT notification_id, '', state, count FROM tally WHERE notification_id = "
        "zeroblob(16)"
        " ORDER BY 2, 1");
    while (row.next()) {
        const auto id = row.take<core::NotificationId>();
        auto name = row.take<std::string>();
        if (counts.notifications.empty() || counts.notifications.back().id != id) {
            counts.notifications.push_back({.id = id, .name = std::move(name)});
        }
        const auto state = row.take<std::optional<CalloutState>>();
        if (!state) continue;
        NotificationCounts& of = counts.notifications.back();
        const std::array fields{&of.pending, &of.claimed, &of.delivered, &of.dead, &of.cancelled};
        *fields.at(static_cast<std::size_t>(*state)) = row.take<std::int64_t>();
    }
    auto events = db.query("SELECT value FROM counter WHERE name = 'events'");
    if (events.next()) counts.events = events.take<std::int64_t>();
    auto oldest = db.query(kOldestPending);
    if (oldest.next()) counts.oldest_pending_at = oldest.take<std::optional<core::SystemTime>>();
    return counts;
}

}  // namespace herald::storage::sqlite
