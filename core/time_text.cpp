#include "core/time_text.h"

#include <array>
#include <charconv>

#include "core/encoding.h"

namespace herald::core {
namespace {

using std::chrono::milliseconds;

// Longer is a mistake, and products and sums of what is shorter never overflow.
constexpr std::uint64_t kLongestDuration = 100ULL * 365 * 86'400'000;  // milliseconds

// Reads fixed-width numbers and literal characters from the front of a text.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    [[nodiscard]] std::optional<int> digits(std::size_t count) {
        if (rest_.size() < count) return std::nullopt;
        int value = 0;
        for (const char c : rest_.substr(0, count)) {
            if (c < '0' || c > '9') return std::nullopt;
            value = value * 10 + (c - '0');
        }
        rest_.remove_prefix(count);
        return value;
    }
    [[nodiscard]] bool literal(std::string_view text) {
        if (!rest_.starts_with(text)) return false;
        rest_.remove_prefix(text.size());
        return true;
    }
    [[nodiscard]] std::optional<unsigned> month() {
        static constexpr std::array<std::string_view, 12> kNames = {
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        for (unsigned i = 0; i < kNames.size(); ++i) {
            if (literal(kNames[i])) return i + 1;
        }
        return std::nullopt;
    }
    [[nodiscard]] std::string_view rest() const { return rest_; }

private:
    std::string_view rest_;
};

std::optional<SystemTime> compose(int year, unsigned month, int day, int hour, int minute,
                                  int second) {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second);
}

struct TimeOfDay {
    int hour, minute, second;
};

std::optional<TimeOfDay> time_of_day(Reader& reader) {
    const auto hour = reader.digits(2);
    if (!hour || !reader.literal(":")) return std::nullopt;
    const auto minute = reader.digits(2);
    if (!minute || !reader.literal(":")) return std::nullopt;
    const auto second = reader.digits(2);
    if (!second) return std::nullopt;
    return TimeOfDay{*hour, *minute, *second};
}

std::optional<SystemTime> imf_fixdate(std::string_view text) {
    const auto comma = text.find(", ");
    if (comma != 3) return std::nullopt;
    Reader reader(text.substr(5));
    const auto day = reader.digits(2);
    if (!day || !reader.literal(" ")) return std::nullopt;
    const auto month = reader.month();
    if (!month || !reader.literal(" ")) return std::nullopt;
    const auto year = reader.digits(4);
    if (!year || !reader.literal(" ")) return std::nullopt;
    const auto time = time_of_day(reader);
    if (!time || reader.rest() != " GMT") return std::nullopt;
    return compose(*year, *month, *day, time->hour, time->minute, time->second);
}

std::optional<SystemTime> rfc850_date(std::string_view text) {
    const auto comma = text.find(", ");
    if (comma == std::string_view::npos || comma < 6) return std::nullopt;
    Reader reader(text.substr(comma + 2));
    const auto day = reader.digits(2);
    if (!day || !reader.literal("-")) return std::nullopt;
    const auto month = reader.month();
    if (!month || !reader.literal("-")) return std::nullopt;
    const auto year = reader.digits(2);
    if (!year || !reader.literal(" ")) return std::nullopt;
    const auto time = time_of_day(reader);
    if (!time || reader.rest() != " GMT") return std::nullopt;
    const int century = *year < 70 ? 2000 : 1900;
    return compose(century + *year, *month, *day, time->hour, time->minute, time->second);
}

std::optional<SystemTime> asctime_date(std::string_view text) {
    if (text.size() < 4 || text[3] != ' ') return std::nullopt;
    Reader reader(text.substr(4));
    const auto month = reader.month();
    if (!month || !reader.literal(" ")) return std::nullopt;
    const bool one_digit = reader.literal(" ");
    const auto day = reader.digits(one_digit ? 1 : 2);
    if (!day || !reader.literal(" ")) return std::nullopt;
    const auto time = time_of_day(reader);
    if (!time || !reader.literal(" ")) return std::nullopt;
    const auto year = reader.digits(4);
    if (!year || !reader.rest().empty()) return std::nullopt;
    return compose(*year, *month, *day, time->hour, time->minute, time->second);
}

// The fraction of a second at the front, in milliseconds; further digits are cut.
std::optional<milliseconds> fraction(std::string_view& text) {
    if (!text.starts_with('.')) return milliseconds(0);
    text.remove_prefix(1);
    int value = 0;
    std::size_t count = 0;
    while (count < text.size() && text[count] >= '0' && text[count] <= '9') {
        if (count < 3) value = value * 10 + (text[count] - '0');
        ++count;
    }
    if (count == 0) return std::nullopt;
    for (std::size_t i = count; i < 3; ++i) value *= 10;
    text.remove_prefix(count);
    return milliseconds(value);
}

std::optional<milliseconds> offset(std::string_view text) {
    if (text == "Z" || text == "z") return milliseconds(0);
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    Reader reader(text.substr(1));
    const auto hour = reader.digits(2);
    if (!hour || !reader.literal(":")) return std::nullopt;
    const auto minute = reader.digits(2);
    if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
    const milliseconds east = std::chrono::hours(*hour) + std::chrono::minutes(*minute);
    return text[0] == '+' ? east : -east;
}

void append_digits(std::string& text, std::int64_t number, std::size_t width) {
    std::array<char, 20> digits{};
    const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    const auto length = static_cast<std::size_t>(end - digits.data());
    if (length < width) text.append(width - length, '0');
    text.append(digits.data(), length);
}

char digit(std::int64_t number) {
    return static_cast<char>('0' + number);
}

void append_pair(std::string& text, std::int64_t number) {
    text += digit(number / 10);
    text += digit(number % 10);
}

}  // namespace

std::string format_time(SystemTime at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss<milliseconds> time(at - day);
    std::string text;
    text.reserve(std::string_view("2026-11-05T10:11:12.123Z").size());
    append_digits(text, static_cast<int>(date.year()), 4);
    append_pair(text += '-', static_cast<unsigned>(date.month()));
    append_pair(text += '-', static_cast<unsigned>(date.day()));
    append_pair(text += 'T', time.hours().count());
    append_pair(text += ':', time.minutes().count());
    append_pair(text += ':', time.seconds().count());
    const auto ms = time.subseconds().count();
    append_pair(text += '.', ms / 10);
    text += digit(ms % 10);
    return text += 'Z';
}

std::optional<SystemTime> parse_time(std::string_view text) {
    Reader reader(text);
    const auto year = reader.digits(4);
    if (!year || !reader.literal("-")) return std::nullopt;
    const auto month = reader.digits(2);
    if (!month || !reader.literal("-")) return std::nullopt;
    const auto day = reader.digits(2);
    if (!day || (!reader.literal("T") && !reader.literal("t") && !reader.literal(" "))) {
        return std::nullopt;
    }
    const auto time = time_of_day(reader);
    if (!time) return std::nullopt;
    std::string_view rest = reader.rest();
    const auto part = fraction(rest);
    if (!part) return std::nullopt;
    const auto east = offset(rest);
    const auto base =
        compose(*year, static_cast<unsigned>(*month), *day, time->hour, time->minute, time->second);
    if (!east || !base) return std::nullopt;
    return *base + *part - *east;
}

std::optional<SystemTime> parse_http_date(std::string_view text) {
    if (auto at = imf_fixdate(text)) return at;
    if (auto at = rfc850_date(text)) return at;
    return asctime_date(text);
}

Result<milliseconds> parse_duration(std::string_view text) {
    const auto bad = [&] {
        return invalid_argument("duration", "'" + printable(text, 40) +
                                                "' is not a duration of at most 100 " +
                                                "years; write it as 500ms, 30s, 5m, 2h or 7d");
    };
    std::uint64_t number = 0;  // unsigned: no sign is read
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc()) return bad();
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    std::uint64_t scale = 0;
    if (unit == "ms") scale = 1;
    if (unit == "s") scale = 1'000;
    if (unit == "m") scale = 60'000;
    if (unit == "h") scale = 3'600'000;
    if (unit == "d") scale = 86'400'000;
    if (scale == 0 || number > kLongestDuration / scale) return bad();
    return milliseconds(number * scale);
}

std::string format_duration(milliseconds duration) {
    const auto ms = duration.count();
    if (ms != 0 && ms % 3'600'000 == 0) return std::to_string(ms / 3'600'000) + "h";
    if (ms != 0 && ms % 60'000 == 0) return std::to_string(ms / 60'000) + "m";
    if (ms % 1'000 == 0) return std::to_string(ms / 1'000) + "s";
    return std::to_string(ms) + "ms";
}

}  // namespace herald::core
