#pragma once

#include <deque>
#include <string>
#include <unordered_map>

#include "core/clock.h"

namespace herald::providers {

/// What one authorization server lets this machine ask, over all its providers (O-50, O-149):
/// requests a minute, and a pause after it answered 429. People's requests are counted, not held.
///
/// Thread-safety: none; lives on the token thread.
class HostLimits final {
public:
    /// When the next automatic request may go; the past where it may now.
    [[nodiscard]] core::SteadyTime allowed_at(const std::string& host, std::int64_t per_minute,
                                              core::SteadyTime now) const;
    void note_request(const std::string& host, core::SteadyTime now);
    void pause(const std::string& host, core::SteadyTime until);

private:
    struct Host {
        std::deque<core::SteadyTime> sent;  ///< in the last minute
        core::SteadyTime paused_until{};
    };
    std::unordered_map<std::string, Host> hosts_;
};

}  // namespace herald::providers
