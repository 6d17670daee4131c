#include "core/log.h"

#include <atomic>

namespace herald::core {
namespace {

std::atomic<LogSink*> installed{nullptr};

}  // namespace

void install_log_sink(LogSink* sink) noexcept {
    installed.store(sink, std::memory_order_release);
}

bool log_enabled(LogLevel level) noexcept {
    const LogSink* sink = installed.load(std::memory_order_acquire);
    return sink != nullptr && sink->enabled(level);
}

void log(LogLevel level, std::string_view event, const boost::json::object& fields) {
    LogSink* sink = installed.load(std::memory_order_acquire);
    if (sink != nullptr && sink->enabled(level)) sink->write(level, event, fields);
}

}  // namespace herald::core
