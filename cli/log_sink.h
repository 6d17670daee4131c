#pragma once

#include <Poco/Logger.h>

#include <atomic>
#include <memory>
#include <ostream>
#include <string>

#include "core/clock.h"
#include "core/log.h"

namespace herald::cli {

enum class LogForm { kJsonLines, kReadable };

/// One event as one line without its newline; nothing from outside can add a line or move the
/// cursor (S-20).
[[nodiscard]] std::string format_log_line(LogForm form, core::SystemTime at, core::LogLevel level,
                                          std::string_view event,
                                          const boost::json::object& fields);

/// Writes log lines through a Poco::Logger with a console channel.
///
/// Thread-safety: all methods may be called concurrently. REQUIRES: `stream` and `clock` outlive
/// it.
class PocoLogSink final : public core::LogSink {
public:
    PocoLogSink(std::ostream& stream, LogForm form, core::LogLevel level, const core::Clock& clock);
    ~PocoLogSink() override;

    [[nodiscard]] bool enabled(core::LogLevel level) const override;
    void write(core::LogLevel level, std::string_view event,
               const boost::json::object& fields) override;
    void set_level(core::LogLevel level) { level_.store(level, std::memory_order_relaxed); }

private:
    Poco::Logger* logger_;  // owned by Poco's registry; removed again by the destructor
    LogForm form_;
    std::atomic<core::LogLevel> level_;
    const core::Clock& clock_;
};

}  // namespace herald::cli
