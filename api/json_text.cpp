#include "api/json_text.h"

#include "core/encoding.h"
#include "core/time_text.h"

namespace herald::api {

std::string shown(std::string_view bytes) {
    if (core::is_valid_utf8(bytes)) return std::string(bytes);
    return core::printable(bytes, 4 * bytes.size());
}

boost::json::value time_json(std::optional<core::SystemTime> at) {
    if (!at) return nullptr;
    return boost::json::value(core::format_time(*at));
}

boost::json::value time_json(std::optional<core::StoredTime> at, const core::Clock& clock) {
    if (!at) return nullptr;
    return time_json(clock.on_the_wall(*at));
}

boost::json::value text_or_null(const std::optional<std::string>& text) {
    if (!text) return nullptr;
    return boost::json::value(shown(*text));
}

}  // namespace herald::api
