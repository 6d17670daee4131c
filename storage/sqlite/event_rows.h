#pragma once

#include <optional>
#include <vector>

#include "storage/sqlite/write_session.h"
#include "storage/store.h"

/// Events as rows. Everything here may throw Failure.
namespace herald::storage::sqlite {

[[nodiscard]] AppendResult append(WriteSession& session, const NewEvent& event);
[[nodiscard]] std::optional<EventRecord> find_event(Connection& db, const core::EventId& id);
struct NumberedEvent {
    EventRecord record;
    bool has_several_callouts = false;
};
/// As `event.seq` numbers them.
[[nodiscard]] std::optional<NumberedEvent> find_event_at(Connection& db, std::int64_t seq);
/// The ids of an event's callouts, as `event.callouts` holds them.
[[nodiscard]] std::vector<core::CalloutId> split_ids(std::string_view joined);
/// Empty optional where there is no such event.
[[nodiscard]] std::optional<std::vector<core::CalloutId>> callout_ids_of(Connection& db,
                                                                         const core::EventId& id);

}  // namespace herald::storage::sqlite
