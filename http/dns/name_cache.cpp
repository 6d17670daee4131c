#include "http/dns/name_cache.h"

#include <algorithm>

namespace herald::http {

const Resolver::Answer* NameCache::find(std::string_view host, core::SteadyTime now) const {
    const auto found = kept_.find(host);
    return found != kept_.end() && now < found->second.until ? &found->second.answer : nullptr;
}

void NameCache::keep(const std::string& host, Resolver::Answer answer, core::SteadyTime until,
                     core::SteadyTime now) {
    if (kept_.size() >= most_ && !kept_.contains(host)) make_room(now);
    kept_.insert_or_assign(host, Kept{.answer = std::move(answer), .until = until});
}

void NameCache::make_room(core::SteadyTime now) {
    std::erase_if(kept_, [now](const auto& entry) { return entry.second.until <= now; });
    if (kept_.size() < most_) return;
    kept_.erase(
        std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.until; }));
}

}  // namespace herald::http
