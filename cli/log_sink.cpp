#include "cli/log_sink.h"

#include <Poco/Message.h>

#include <boost/json/serialize.hpp>

#include "cli/visible_text.h"
#include "core/encoding.h"
#include "core/json.h"
#include "core/time_text.h"
#include "core/visible_json.h"

namespace herald::cli {
namespace json = boost::json;

namespace {

constexpr const char* kLoggerName = "herald";
constexpr std::size_t kMaxFieldBytes = 4096;

std::string_view level_word(core::LogLevel level) {
    switch (level) {
        case core::LogLevel::kError:
            return "error";
        case core::LogLevel::kWarning:
            return "warning";
        case core::LogLevel::kInformation:
            return "information";
        case core::LogLevel::kDebug:
            return "debug";
    }
    return "error";
}

Poco::Message::Priority priority(core::LogLevel level) {
    switch (level) {
        case core::LogLevel::kError:
            return Poco::Message::PRIO_ERROR;
        case core::LogLevel::kWarning:
            return Poco::Message::PRIO_WARNING;
        case core::LogLevel::kInformation:
            return Poco::Message::PRIO_INFORMATION;
        case core::LogLevel::kDebug:
            return Poco::Message::PRIO_DEBUG;
    }
    return Poco::Message::PRIO_ERROR;
}

/// Bounded, and valid UTF-8 whatever came in.
json::value presentable(const json::value& value) {
    if (!value.is_string()) return value;
    const auto& text = value.get_string();
    if (text.size() <= kMaxFieldBytes && core::is_valid_utf8(text)) return value;
    return json::value(visible_text(text, kMaxFieldBytes));
}

std::string json_line(core::SystemTime at, core::LogLevel level, std::string_view event,
                      const json::object& fields) {
    json::object line;
    line["time"] = core::format_time(at);
    line["level"] = level_word(level);
    line["event"] = event;
    for (const auto& field : fields) line[field.key()] = presentable(field.value());
    return core::visible_json(json::serialize(line));
}

bool is_plain_word(std::string_view text) {
    return !text.empty() && text.find_first_of(" \"=\\") == std::string_view::npos &&
           text == visible_text(text);
}

std::string readable_line(core::SystemTime at, core::LogLevel level, std::string_view event,
                          const json::object& fields) {
    std::string line = core::format_time(at);
    line.append(" ").append(level_word(level)).append(" ").append(event);
    for (const auto& field : fields) {
        line.append(" ").append(field.key()).append("=");
        const json::value value = presentable(field.value());
        const bool plain = value.is_string() && is_plain_word(value.get_string());
        line.append(plain ? std::string(value.get_string())
                          : core::visible_json(json::serialize(value)));
    }
    return line;
}

}  // namespace

std::string format_log_line(LogForm form, core::SystemTime at, core::LogLevel level,
                            std::string_view event, const json::object& fields) {
    return form == LogForm::kJsonLines ? json_line(at, level, event, fields)
                                       : readable_line(at, level, event, fields);
}

PocoLogSink::PocoLogSink(int descriptor, LogForm form, core::LogLevel level,
                         const core::Clock& clock)
    : channel_(new LogChannel(descriptor,
                              [form, &clock](std::size_t count) {
                                  return format_log_line(form, clock.system_now(),
                                                         core::LogLevel::kWarning,
                                                         "log_lines_dropped", {{"count", count}});
                              })),
      logger_(&Poco::Logger::create(kLoggerName, channel_, Poco::Message::PRIO_DEBUG)),
      form_(form),
      level_(level),
      clock_(clock) {}

PocoLogSink::~PocoLogSink() {
    Poco::Logger::destroy(kLoggerName);
}

bool PocoLogSink::enabled(core::LogLevel level) const {
    return level <= level_.load(std::memory_order_relaxed);
}

void PocoLogSink::write(core::LogLevel level, std::string_view event, const json::object& fields) {
    const auto line = format_log_line(form_, clock_.system_now(), level, event, fields);
    logger_->log(Poco::Message(kLoggerName, line, priority(level)));
}

}  // namespace herald::cli
