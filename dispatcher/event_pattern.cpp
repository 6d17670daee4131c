#include "dispatcher/event_pattern.h"

#include <algorithm>

namespace herald::dispatcher {
namespace {

constexpr std::size_t kMaxLength = 128;
constexpr std::string_view kAnyFurther = ".*";

bool is_segment_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

bool is_event_type(std::string_view text) {
    if (text.empty() || text.size() > kMaxLength) return false;
    if (text.starts_with('.') || text.ends_with('.')) return false;
    if (text.find("..") != std::string_view::npos) return false;
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c == '.' || is_segment_character(c); });
}

}  // namespace

core::Result<> validate_event_type(std::string_view type) {
    if (is_event_type(type)) return {};
    return core::invalid_argument(
        "type",
        "an event type is 1 to 128 characters: segments of A-Za-z0-9_- joined by dots, "
        "for example invoice.posted");
}

core::Result<> validate_event_pattern(std::string_view pattern) {
    if (pattern == "*") return {};
    std::string_view prefix = pattern;
    if (prefix.ends_with(kAnyFurther)) prefix.remove_suffix(kAnyFurther.size());
    if (pattern.size() <= kMaxLength && is_event_type(prefix)) return {};
    return core::invalid_argument(
        "events",
        "an event pattern is an exact event type, a prefix with .* at its end "
        "(invoice.*), or * alone; at most 128 characters");
}

bool matches(std::string_view pattern, std::string_view type) {
    if (pattern == "*") return true;
    if (!pattern.ends_with(kAnyFurther)) return pattern == type;
    // The dot stays: `invoice.*` fits invoice.posted, neither invoice nor invoices.posted.
    pattern.remove_suffix(1);
    return type.size() > pattern.size() && type.starts_with(pattern);
}

}  // namespace herald::dispatcher
