#include "cli/history_settings.h"

#include <charconv>

#include "core/time_text.h"

namespace herald::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShortestAge = std::chrono::minutes(1);
constexpr milliseconds kLongestAge = std::chrono::days(36'500);
constexpr milliseconds kDefaultAge = std::chrono::days(30);

constexpr std::int64_t kMegabyte = 1'000'000;
constexpr std::int64_t kGigabyte = 1'000 * kMegabyte;
constexpr std::int64_t kTerabyte = 1'000 * kGigabyte;
constexpr std::int64_t kSmallestSize = 10 * kMegabyte;
constexpr std::int64_t kLargestSize = 10 * kTerabyte;  // SQLite ends at 17 with pages of 4 KiB
constexpr std::int64_t kDefaultSize = 10 * kGigabyte;

core::Result<milliseconds> parse_age(std::string_view text) {
    if (text.empty()) return kDefaultAge;
    const auto age = core::parse_duration(text);
    if (!age || *age < kShortestAge || *age > kLongestAge) {
        return core::invalid_argument(
            "history_max_age", "must be a time from 1m to 36500d such as 30d or 12h, or none");
    }
    return *age;
}

std::int64_t unit_of_size(std::string_view text) {
    if (text == "MB") return kMegabyte;
    if (text == "GB") return kGigabyte;
    if (text == "TB") return kTerabyte;
    return 0;
}

core::Result<std::int64_t> parse_size(std::string_view text) {
    if (text.empty()) return kDefaultSize;
    std::uint32_t number = 0;  // so that no product overflows
    const char* const end_of_text = text.data() + text.size();
    const auto [end, failure] = std::from_chars(text.data(), end_of_text, number);
    const std::int64_t unit = unit_of_size({end, static_cast<std::size_t>(end_of_text - end)});
    const std::int64_t size = unit * std::int64_t{number};
    if (failure != std::errc{} || size < kSmallestSize || size > kLargestSize) {
        return core::invalid_argument(
            "history_max_size", "must be a size from 10MB to 10TB such as 500MB or 10GB, or none");
    }
    return size;
}

std::string text_of_age(milliseconds age) {
    const auto days = std::chrono::floor<std::chrono::days>(age);
    return age == days ? std::to_string(days.count()) + "d" : core::format_duration(age);
}

std::string text_of_size(std::int64_t bytes) {
    if (bytes % kTerabyte == 0) return std::to_string(bytes / kTerabyte) + "TB";
    if (bytes % kGigabyte == 0) return std::to_string(bytes / kGigabyte) + "GB";
    return std::to_string(bytes / kMegabyte) + "MB";
}

}  // namespace

core::Result<dispatcher::HistoryLimits> parse_history_limits(std::string_view max_age,
                                                             std::string_view max_size) {
    constexpr std::string_view kUnlimited = "none";
    dispatcher::HistoryLimits limits;
    if (max_age != kUnlimited) {
        const auto age = parse_age(max_age);
        if (!age) return age.error();
        limits.max_age = *age;
    }
    if (max_size != kUnlimited) {
        const auto size = parse_size(max_size);
        if (!size) return size.error();
        limits.max_bytes = *size;
    }
    return limits;
}

std::string describe(const dispatcher::HistoryLimits& limits) {
    if (!limits.max_age && !limits.max_bytes) return "every event for ever";
    std::string text = "unfinished events and ";
    if (limits.max_age) text += "what is younger than " + text_of_age(*limits.max_age);
    if (limits.max_age && limits.max_bytes) text += ", ";
    if (limits.max_bytes) text += "up to " + text_of_size(*limits.max_bytes);
    return text;
}

}  // namespace herald::cli
