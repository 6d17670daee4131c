#pragma once

#include <cstdint>
#include <unordered_map>

#include "storage/records.h"

namespace herald::storage::sqlite {

/// Events that some callout still holds, so that a thousand callouts of one event share its data.
///
/// Thread-safety: none.
class EventCache final {
public:
    /// Null where nobody holds it.
    [[nodiscard]] EventPtr find(std::int64_t seq) const;
    void clear() { events_.clear(); }
    void keep(std::int64_t seq, const EventPtr& event);
    /// Of a deleted event: SQLite may give its `seq` to a new one.
    void forget(std::int64_t seq) { events_.erase(seq); }

private:
    void drop_expired();

    std::unordered_map<std::int64_t, std::weak_ptr<const EventRecord>> events_;
    std::size_t sweep_at_ = 1024;
};

}  // namespace herald::storage::sqlite
