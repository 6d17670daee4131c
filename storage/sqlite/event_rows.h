#pragma once

#include <optional>
#include <vector>

#include "storage/sqlite/write_session.h"
#include "storage/store.h"

/// Events as rows. Everything here may throw Failure.
namespace herald::storage::sqlite {

[[nodiscard]] AppendResult append(WriteSession& session, const NewEvent& event);
[[nodiscard]] std::optional<EventRecord> find_event(Connection& db, const core::EventId& id);
/// Empty optional where there is no such event.
[[nodiscard]] std::optional<std::vector<core::CalloutId>> callout_ids_of(Connection& db,
                                                                         const core::EventId& id);

}  // namespace herald::storage::sqlite
