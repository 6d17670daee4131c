#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/log.h"
#include "dispatcher/courier.h"

namespace herald::dispatcher {

/// The log lines of one lane: the first of a kind at once, then at most one a minute, which says
/// how many were left out. Thread-safety: none.
class LaneLog final {
public:
    static constexpr std::chrono::seconds kBetween{60};

    void tell(core::LogLevel level, const std::string& event, boost::json::object fields,
              core::SteadyTime now);
    /// Writes what was left out, where its minute is over.
    void flush(core::SteadyTime now);
    /// When `flush` has something to write.
    [[nodiscard]] std::optional<core::SteadyTime> flush_at() const;

private:
    struct Kind {
        core::LogLevel level;
        core::SteadyTime not_before;
        int left_out = 0;
        boost::json::object last = {};
    };
    static void write(const std::string& event, Kind& kind, core::SteadyTime now);

    std::map<std::string, Kind> kinds_;
};

/// What the last request of an attempt met, or why there was none.
void add_last_attempt(boost::json::object& fields, const AttemptResult& result);

}  // namespace herald::dispatcher
