#include "dispatcher/lane_log.h"

#include <utility>

namespace herald::dispatcher {

void LaneLog::tell(core::LogLevel level, const std::string& event, boost::json::object fields,
                   core::SteadyTime now) {
    const auto [found, is_new] = kinds_.try_emplace(event, Kind{.level = level, .not_before = now});
    Kind& kind = found->second;
    kind.last = std::move(fields);
    ++kind.left_out;
    if (now >= kind.not_before) write(event, kind, now);
}

void LaneLog::write(const std::string& event, Kind& kind, core::SteadyTime now) {
    if (kind.left_out > 1) kind.last["times"] = kind.left_out;
    core::log(kind.level, event, kind.last);
    kind.left_out = 0;
    kind.last.clear();
    kind.not_before = now + kBetween;
}

void LaneLog::flush(core::SteadyTime now) {
    for (auto& [event, kind] : kinds_) {
        if (kind.left_out > 0 && now >= kind.not_before) write(event, kind, now);
    }
}

std::optional<core::SteadyTime> LaneLog::flush_at() const {
    std::optional<core::SteadyTime> at;
    for (const auto& [event, kind] : kinds_) {
        if (kind.left_out > 0 && (!at || kind.not_before < *at)) at = kind.not_before;
    }
    return at;
}

void add_last_attempt(boost::json::object& fields, const AttemptResult& result) {
    if (result.why) fields["error"] = *result.why;
    if (result.attempts.empty()) return;
    const storage::AttemptRecord& last = result.attempts.back();
    if (last.status) fields["status"] = *last.status;
    if (last.error) fields["error"] = *last.error;
}

}  // namespace herald::dispatcher
