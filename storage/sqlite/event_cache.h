#pragma once

#include <unordered_map>

#include "core/id.h"
#include "storage/records.h"

namespace herald::storage::sqlite {

/// Events that some callout still holds, so that a thousand callouts of one event share its data.
///
/// Thread-safety: none.
class EventCache final {
public:
    /// Null where nobody holds it.
    [[nodiscard]] EventPtr find(const core::EventId& id) const;
    void keep(const EventPtr& event);

private:
    void drop_expired();

    std::unordered_map<core::EventId, std::weak_ptr<const EventRecord>, core::IdHash> events_;
    std::size_t sweep_at_ = 1024;
};

}  // namespace herald::storage::sqlite
