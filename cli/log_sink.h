#pragma once

#include <Poco/AutoPtr.h>
#include <Poco/Logger.h>

#include <atomic>
#include <chrono>
#include <string>

#include "cli/log_channel.h"
#include "core/clock.h"
#include "core/log.h"

namespace herald::cli {

enum class LogForm { kJsonLines, kReadable };

/// One event as one line without its newline; nothing from outside can add a line or move the
/// cursor (S-20).
[[nodiscard]] std::string format_log_line(LogForm form, core::SystemTime at, core::LogLevel level,
                                          std::string_view event,
                                          const boost::json::object& fields);

/// Writes log lines through a Poco::Logger with a LogChannel: whoever logs never waits for whoever
/// reads. Lines that nobody took are counted by the event `log_lines_dropped`.
///
/// Thread-safety: all methods may be called concurrently. REQUIRES: `descriptor` and `clock`
/// outlive it.
class PocoLogSink final : public core::LogSink {
public:
    PocoLogSink(int descriptor, LogForm form, core::LogLevel level, const core::Clock& clock);
    ~PocoLogSink() override;

    [[nodiscard]] bool enabled(core::LogLevel level) const override;
    void write(core::LogLevel level, std::string_view event,
               const boost::json::object& fields) override;
    /// Waits until everything is written, for no longer than `patience`.
    void flush(std::chrono::milliseconds patience) { channel_->flush(patience); }
    void set_level(core::LogLevel level) { level_.store(level, std::memory_order_relaxed); }

private:
    Poco::AutoPtr<LogChannel> channel_;
    Poco::Logger* logger_;  // owned by Poco's registry; removed again by the destructor
    LogForm form_;
    std::atomic<core::LogLevel> level_;
    const core::Clock& clock_;
};

}  // namespace herald::cli
