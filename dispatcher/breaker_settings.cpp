#include "dispatcher/breaker_settings.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include "core/encoding.h"
#include "dispatcher/specification.h"

namespace herald::dispatcher {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using storage::BreakerSettings;

constexpr std::string_view kForm =
    "'default', 'off', or parts joined by ; such as failures=50%;min=20;window=30s";

/// One part of a specification: how it is written, and what it may say.
struct Part {
    std::string_view name;
    std::string_view rule;
    bool (*read)(std::string_view, BreakerSettings&);  ///< false where it cannot be understood
    bool (*holds)(const BreakerSettings&);
};

template <auto kMember, auto kParse>
bool read_into(std::string_view text, BreakerSettings& settings) {
    const auto value = kParse(text);
    if (value) settings.*kMember = *value;
    return value.has_value();
}

template <class T>
bool is_within(T value, T least, T most) {
    return value >= least && value <= most;
}

constexpr std::array kParts{
    Part{"failures", "is 1% to 100% of the attempts in the window, such as failures=50%",
         read_into<&BreakerSettings::failure_percent, parse_percent>,
         [](const BreakerSettings& each) { return is_within(each.failure_percent, 1, 100); }},
    Part{"min", "is 1 to 1000 attempts, such as min=20",
         read_into<&BreakerSettings::min_attempts, parse_count>,
         [](const BreakerSettings& each) { return is_within(each.min_attempts, 1, 1000); }},
    Part{"window", "is 1s to 10m in whole seconds, such as window=30s",
         read_into<&BreakerSettings::window, parse_seconds>,
         [](const BreakerSettings& each) {
             return is_within<seconds>(each.window, seconds(1), minutes(10));
         }},
    Part{"open", "is 1s to 1h in whole seconds, such as open=5s",
         read_into<&BreakerSettings::open_for, parse_seconds>,
         [](const BreakerSettings& each) {
             return is_within<seconds>(each.open_for, seconds(1), hours(1));
         }},
    Part{"max-open",
         "is at least as long as open (max-open is 5m where it is not given) and at most 24h, in "
         "whole seconds, such as open=10m;max-open=1h",
         read_into<&BreakerSettings::open_for_at_most, parse_seconds>,
         [](const BreakerSettings& each) {
             return is_within<seconds>(each.open_for_at_most, each.open_for, hours(24));
         }},
};

core::Error refused_breaker(std::string_view name, std::string_view rule) {
    return core::invalid_argument("breaker", std::string(name).append(" ").append(rule));
}

core::Error not_understood(const SpecificationPart& part) {
    return core::invalid_argument(
        "breaker",
        "'" + core::printable(part.text, 64) + "' is not understood; write " + std::string(kForm));
}

core::Result<> add_part(const SpecificationPart& text, BreakerSettings& settings) {
    const auto* const part = std::find_if(kParts.begin(), kParts.end(),
                                          [&](const Part& each) { return each.name == text.name; });
    if (part == kParts.end()) return not_understood(text);
    if (!part->read(text.value, settings)) return refused_breaker(part->name, part->rule);
    return {};
}

}  // namespace

core::Result<BreakerSettings> parse_breaker(std::string_view text) {
    BreakerSettings settings;
    if (text == "default") return settings;
    settings.enabled = text != "off";
    if (!settings.enabled) return settings;
    std::set<std::string> seen;
    for (const SpecificationPart& part : split_specification(text)) {
        if (auto added = add_part(part, settings); !added) return added.error();
        if (!seen.insert(part.name).second) return refused_breaker(part.name, "is given twice");
    }
    if (auto valid = validate_breaker(settings); !valid) return valid.error();
    return settings;
}

core::Result<> validate_breaker(const BreakerSettings& settings) {
    for (const Part& part : kParts) {
        if (!part.holds(settings)) return refused_breaker(part.name, part.rule);
    }
    return {};
}

}  // namespace herald::dispatcher
