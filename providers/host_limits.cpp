#include "providers/host_limits.h"

#include <algorithm>

namespace herald::providers {
namespace {

constexpr std::chrono::minutes kWindow{1};

}  // namespace

core::SteadyTime HostLimits::allowed_at(const std::string& host, std::int64_t per_minute,
                                        core::SteadyTime now) const {
    const auto found = hosts_.find(host);
    if (found == hosts_.end()) return {};
    const Host& one = found->second;
    core::SteadyTime at = one.paused_until;
    const auto recent = std::count_if(one.sent.begin(), one.sent.end(),
                                      [&](core::SteadyTime sent) { return sent > now - kWindow; });
    if (recent >= per_minute) {
        const auto nth = one.sent.size() - static_cast<std::size_t>(per_minute);
        at = std::max(at, one.sent[nth] + kWindow);
    }
    return at;
}

void HostLimits::note_request(const std::string& host, core::SteadyTime now) {
    Host& one = hosts_[host];
    while (!one.sent.empty() && one.sent.front() <= now - kWindow) one.sent.pop_front();
    one.sent.push_back(now);
}

void HostLimits::pause(const std::string& host, core::SteadyTime until) {
    core::SteadyTime& paused = hosts_[host].paused_until;
    paused = std::max(paused, until);
}

}  // namespace herald::providers
