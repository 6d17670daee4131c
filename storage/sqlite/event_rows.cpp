#include "storage/sqlite/event_rows.h"

#include <algorithm>

#include "storage/sqlite/callout_life.h"
#include "storage/sqlite/callout_rows.h"
#include "storage/sqlite/hot_statements.h"
#include "storage/sqlite/sealed_value.h"

namespace herald::storage::sqlite {
namespace {

constexpr std::size_t kCalloutIdSize = 16;

std::string joined_ids(const std::vector<NewCallout>& callouts) {
    std::string ids;
    ids.reserve(callouts.size() * kCalloutIdSize);
    for (const NewCallout& callout : callouts) ids.append(raw(callout.id));
    return ids;
}

/// What the key of `event` says, or nothing where it has none or a new one.
std::optional<AppendResult> result_of_known_key(WriteSession& session, const EventRecord& event) {
    if (!event.key) return std::nullopt;
    AppendResult result;
    std::vector<core::CalloutId> callouts;
    {
        auto row = session.db.query(kFindKey, *event.key);
        if (!row.next()) return std::nullopt;
        result.event = row.take<core::EventId>();
        const bool same_type = row.take<std::string_view>() == event.type;
        const bool same_data = row.take<std::string_view>() == event.data;
        result.status =
            same_type && same_data ? AppendStatus::kDuplicate : AppendStatus::kKeyConflict;
        callouts = split_ids(row.take<std::string_view>());
    }
    if (result.status == AppendStatus::kDuplicate)
        result.callouts = find_callouts(session.db, callouts);
    return result;
}

EventRecord read_event(Query& row) {
    EventRecord event;
    event.id = row.take<core::EventId>();
    event.type = row.take<std::string>();
    event.data = row.take<std::string>();
    event.key = row.take<std::optional<std::string>>();
    event.occurred_at = row.take<core::SystemTime>();
    event.received_at = row.take<core::StoredTime>();
    return event;
}

}  // namespace

AppendResult append(WriteSession& session, const NewEvent& added) {
    const EventRecord& event = *added.event;
    if (auto known = result_of_known_key(session, event)) return std::move(*known);
    AppendResult result{.status = AppendStatus::kStored, .event = event.id, .callouts = {}};
    if (added.catalogue_version != session.working_version()) {
        result.status = AppendStatus::kStaleCatalogue;
        return result;
    }
    session.db.run(kInsertEvent, event.id, event.type, Blob{event.data}, event.key,
                   event.occurred_at, event.received_at, Blob{joined_ids(added.callouts)});
    const std::int64_t seq = session.db.last_insert_id();
    for (const NewCallout& callout : added.callouts)
        insert_callout(session, callout, seq, event.received_at);
    session.tally.event_stored();
    return result;
}

std::vector<core::CalloutId> split_ids(std::string_view joined) {
    std::vector<core::CalloutId> ids(joined.size() / kCalloutIdSize);
    for (core::CalloutId& id : ids) {
        std::copy_n(joined.data(), kCalloutIdSize, id.bytes.data());
        joined.remove_prefix(kCalloutIdSize);
    }
    return ids;
}

std::optional<EventRecord> find_event(Connection& db, const core::EventId& id) {
    auto row = db.query(kFindEvent, id);
    if (!row.next()) return std::nullopt;
    return read_event(row);
}

std::optional<NumberedEvent> find_event_at(Connection& db, std::int64_t seq) {
    auto row = db.query(kEventAt, seq);
    if (!row.next()) return std::nullopt;
    NumberedEvent event{.record = read_event(row)};
    event.has_several_callouts = row.take<bool>();
    return event;
}

std::optional<std::vector<core::CalloutId>> callout_ids_of(Connection& db,
                                                           const core::EventId& id) {
    auto row = db.query("SELECT callouts FROM event WHERE id = ?", id);
    if (!row.next()) return std::nullopt;
    return split_ids(row.take<std::string_view>());
}

}  // namespace herald::storage::sqlite
