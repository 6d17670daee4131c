#pragma once

#include <boost/json/object.hpp>
#include <string_view>

namespace herald::core {

enum class LogLevel { kError, kWarning, kInformation, kDebug };

/// Where log lines go. The program installs one at start-up; until then lines are dropped.
///
/// Thread-safety: `write` may be called concurrently. It must not block on the network.
class LogSink {
public:
    virtual ~LogSink() = default;
    [[nodiscard]] virtual bool enabled(LogLevel level) const = 0;
    /// One event, one line. `fields` never hold a secret: callers pass names, ids and fingerprints.
    virtual void write(LogLevel level, std::string_view event,
                       const boost::json::object& fields) = 0;
};

/// REQUIRES: `sink` outlives every thread that logs, or is replaced by null after they ended.
void install_log_sink(LogSink* sink) noexcept;

/// `event` is a stable snake_case word such as `token_obtained`.
void log(LogLevel level, std::string_view event, const boost::json::object& fields = {});
[[nodiscard]] bool log_enabled(LogLevel level) noexcept;

}  // namespace herald::core
