#include "http/retry_after.h"

#include <algorithm>
#include <array>

#include "core/encoding.h"
#include "core/time_text.h"

namespace herald::http {
namespace {

using std::chrono::milliseconds;

/// Larger numbers stand for this one: a century, which every caller caps anyway.
constexpr std::int64_t kMostUnits = 100LL * 366 * 24 * 3600 * 1000;

/// `7` or `7.25`, in thousandths. Empty optional on anything else; no sign, no exponent.
std::optional<std::int64_t> thousandths(std::string_view text) {
    const auto dot = std::min(text.find('.'), text.size());
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto whole = text.substr(0, dot);
    const auto fraction = text.substr(std::min(dot + 1, text.size()));
    const bool has_dot = dot < text.size();
    if (whole.empty() || !std::ranges::all_of(whole, is_digit)) return std::nullopt;
    if (has_dot && (fraction.empty() || !std::ranges::all_of(fraction, is_digit)))
        return std::nullopt;

    std::int64_t value = 0;
    for (const char c : whole) value = std::min(value * 10 + (c - '0'), kMostUnits);
    value *= 1000;
    std::int64_t unit = 100;
    for (const char c : fraction.substr(0, 3)) {
        value += (c - '0') * unit;
        unit /= 10;
    }
    return value;
}

milliseconds until(core::SystemTime at, core::SystemTime now) {
    return std::max(milliseconds(at - now), milliseconds(0));
}

std::optional<milliseconds> delay_or_date(std::string_view text, core::SystemTime now) {
    if (const auto delay = thousandths(text)) return milliseconds(*delay);
    if (const auto date = core::parse_http_date(text)) return until(*date, now);
    return std::nullopt;
}

// Vendors agree on the name only: seconds to go, or a moment in seconds or milliseconds since 1970
// (O-101). Lists and parameters (`30;w=60, 100`) speak of the first window first.
std::optional<milliseconds> delay_or_epoch(std::string_view text, core::SystemTime now) {
    const auto value = thousandths(core::trim(text.substr(0, text.find_first_of(",;"))));
    if (!value) return std::nullopt;
    constexpr std::int64_t kEpochSeconds = 1'000'000'000;
    constexpr std::int64_t kEpochMilliseconds = 1'000'000'000'000;
    const std::int64_t units = *value / 1000;
    if (units > kEpochMilliseconds) return until(core::SystemTime(milliseconds(units)), now);
    if (units > kEpochSeconds) return until(core::SystemTime(milliseconds(*value)), now);
    return milliseconds(*value);
}

template <class Parse>
std::optional<milliseconds> largest(const Headers& headers, std::string_view name, Parse parse) {
    std::optional<milliseconds> found;
    for (const auto& [key, value] : headers) {
        if (!core::equals_ignoring_case(key, name)) continue;
        const auto delay = parse(core::trim(value));
        if (delay && (!found || *delay > *found)) found = delay;
    }
    return found;
}

}  // namespace

std::optional<milliseconds> retry_after(const Response& response, core::SystemTime now) {
    const Headers& headers = response.headers;
    const auto asked = largest(headers, "retry-after",
                               [now](std::string_view text) { return delay_or_date(text, now); });
    const bool is_throttle = response.status == 429 || response.status == 503;
    if (asked || !is_throttle) return asked;
    for (const std::string_view name : {"ratelimit-reset", "x-ratelimit-reset"}) {
        const auto reset = largest(
            headers, name, [now](std::string_view text) { return delay_or_epoch(text, now); });
        if (reset) return reset;
    }
    return std::nullopt;
}

}  // namespace herald::http
