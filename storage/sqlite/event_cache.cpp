#include "storage/sqlite/event_cache.h"

#include <algorithm>

namespace herald::storage::sqlite {

EventPtr EventCache::find(std::int64_t seq) const {
    const auto found = events_.find(seq);
    return found == events_.end() ? nullptr : found->second.lock();
}

void EventCache::keep(std::int64_t seq, const EventPtr& event) {
    events_[seq] = event;
    if (events_.size() >= sweep_at_) drop_expired();
}

void EventCache::drop_expired() {
    std::erase_if(events_, [](const auto& entry) { return entry.second.expired(); });
    // Twice what is alive: the sweeps cost a constant amount for each event kept.
    sweep_at_ = std::max<std::size_t>(1024, 2 * events_.size());
}

}  // namespace herald::storage::sqlite
