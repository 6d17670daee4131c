#include "core/time_text.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace herald::core {
namespace {

using test::SeededRandom;

using std::chrono::milliseconds;
using std::chrono::sys_days;
using std::chrono::year;
using namespace std::chrono_literals;

constexpr SystemTime kMorning = sys_days(year(2026) / 11 / 21) + 8h;

TEST(FormatTimeTest, WritesUtcWithMilliseconds) {
    EXPECT_EQ(format_time(kMorning), "2026-11-21T08:00:00.000Z");
    EXPECT_EQ(format_time(kMorning + 59min + 7s + 45ms), "2026-11-21T08:59:07.045Z");
    EXPECT_EQ(format_time(SystemTime()), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_time(SystemTime(-1ms)), "1969-12-31T23:59:59.999Z");
    EXPECT_EQ(format_time(sys_days(year(9999) / 12 / 31) + 24h - 1ms), "9999-12-31T23:59:59.999Z");
}

TEST(ParseTimeTest, ReadsBackWhatFormatTimeWrote) {
    SeededRandom random(1);
    constexpr SystemTime kFirst = sys_days(year(1000) / 1 / 1);
    constexpr auto kSpan = (SystemTime(sys_days(year(9999) / 12 / 31)) - kFirst).count();
    for (int i = 0; i < 1000; ++i) {
        const SystemTime at = kFirst + milliseconds(random.below(static_cast<std::size_t>(kSpan)));
        EXPECT_EQ(parse_time(format_time(at)), at) << format_time(at);
    }
}

TEST(ParseTimeTest, ReadsOffsetsFractionsAndEitherCase) {
    const std::vector<std::pair<const char*, SystemTime>> table = {
        {"2026-11-21T08:00:00Z", kMorning},
        {"2026-11-21t08:00:00z", kMorning},
        {"2026-11-21 08:00:00Z", kMorning},
        {"2026-11-21T08:00:00+00:00", kMorning},
        {"2026-11-21T08:00:00-00:00", kMorning},
        {"2026-11-21T09:30:00+01:30", kMorning},
        {"2026-11-20T20:00:00-12:00", kMorning},
        {"2026-11-22T07:59:00+23:59", kMorning},
        {"2026-11-21T08:00:00.5Z", kMorning + 500ms},
        {"2026-11-21T08:00:00.04Z", kMorning + 40ms},
        {"2026-11-21T08:00:00.123456789012345678901234567890+00:00", kMorning + 123ms},
        {"2026-11-21T08:00:00.9999Z", kMorning + 999ms},
        {"1990-12-31T23:59:60Z", sys_days(year(1991) / 1 / 1)},  // RFC 3339, section 5.8
        {"2024-02-29T00:00:00Z", sys_days(year(2024) / 2 / 29)},
        {"2000-02-29T00:00:00Z", sys_days(year(2000) / 2 / 29)},
    };
    for (const auto& [text, at] : table) EXPECT_EQ(parse_time(text), at) << text;
}

TEST(ParseTimeTest, RefusesEverythingElse) {
    for (const char* text : {"",
                             "2026",
                             "2026-11-21",
                             "2026-11-21T08:00:00",
                             "2026-11-21T08:00Z",
                             "2026-11-21T0800Z",
                             "20261121T080000Z",
                             "2026-11-21T08:00:00 Z",
                             " 2026-11-21T08:00:00Z",
                             "2026-11-21T08:00:00Z ",
                             "2026-11-21T08:00:00Zx",
                             "2026-11-21T08:00:00.Z",
                             "2026-11-21T08:00:00,5Z",
                             "2026-11-21T08:00:00+1:00",
                             "2026-11-21T08:00:00+0100",
                             "2026-11-21T08:00:00+01",
                             "2026-11-21T08:00:00+24:00",
                             "2026-11-21T08:00:00+01:60",
                             "2026-11-21T08:00:00*01:00",
                             "2026-11-21T08:00:00GMT",
                             "26-11-21T08:00:00Z",
                             "+2026-11-21T08:00:00Z",
                             "-026-11-21T08:00:00Z",
                             "2026-1-21T08:00:00Z",
                             "2026-11-21T8:00:00Z",
                             "2026-13-01T08:00:00Z",
                             "2026-00-01T08:00:00Z",
                             "2026-11-31T08:00:00Z",
                             "2026-11-00T08:00:00Z",
                             "2023-02-29T08:00:00Z",
                             "2100-02-29T08:00:00Z",
                             "2026-11-21T24:00:00Z",
                             "2026-11-21T08:60:00Z",
                             "2026-11-21T08:00:61Z",
                             "2026/11/21T08:00:00Z",
                             "2026-11-21_08:00:00Z",
                             "now"}) {
        EXPECT_EQ(parse_time(text), std::nullopt) << text;
    }
}

TEST(HttpDateTest, ReadsTheThreeForms) {  // RFC 9110, section 5.6.7
    constexpr SystemTime kExample = sys_days(year(1994) / 11 / 6) + 8h + 49min + 37s;
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), kExample);
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), kExample);
    EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), kExample);
    EXPECT_EQ(parse_http_date("Wed Nov 16 08:49:37 1994"), kExample + 240h);
}

TEST(HttpDateTest, ReadsEveryMonth) {
    const std::array<std::string, 12> names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (unsigned i = 0; i < names.size(); ++i) {
        const SystemTime expected = sys_days(year(2026) / std::chrono::month(i + 1) / 1);
        EXPECT_EQ(parse_http_date("Sun, 01 " + names.at(i) + " 2026 00:00:00 GMT"), expected)
            << names.at(i);
    }
}

TEST(HttpDateTest, TakesATwoDigitYearFromTheNearestCentury) {
    EXPECT_EQ(parse_http_date("Saturday, 21-Nov-26 08:00:00 GMT"), kMorning);
    EXPECT_EQ(parse_http_date("Saturday, 01-Jan-00 00:00:00 GMT"),
              SystemTime(sys_days(year(2000) / 1 / 1)));
    EXPECT_EQ(parse_http_date("Thursday, 01-Jan-70 00:00:00 GMT"), SystemTime());
    EXPECT_EQ(parse_http_date("Friday, 31-Dec-99 00:00:00 GMT"),
              SystemTime(sys_days(year(1999) / 12 / 31)));
}

TEST(HttpDateTest, RefusesEverythingElse) {
    for (const char* text : {"",
                             ", ",
                             "Sun, ",
                             "Sun",
                             "Sun ",
                             "Sun, 6 Nov 1994 08:49:37 GMT",
                             "Sun, 06 Nov 94 08:49:37 GMT",
                             "Sun, 06 Nov 1994 08:49:37",
                             "Sun, 06 Nov 1994 08:49:37 UTC",
                             "Sun, 06 Nov 1994 08:49:37 +0000",
                             "Sun, 06 Nov 1994 08:49:37 GMT ",
                             "Sun, 06 Nov 1994 08:49 GMT",
                             "Sun, 06 Nov 1994 24:49:37 GMT",
                             "Sun, 31 Nov 1994 08:49:37 GMT",
                             "Sun, 00 Nov 1994 08:49:37 GMT",
                             "Sun, 06 nov 1994 08:49:37 GMT",
                             "Sun, 06 Foo 1994 08:49:37 GMT",
                             "Sun 06 Nov 1994 08:49:37 GMT",
                             "Sunday, 06-Nov-1994 08:49:37 GMT",
                             "Sunday, 06-Nov-94 08:49:37",
                             "Sunday, 06 Nov 94 08:49:37 GMT",
                             "Sun Nov 6 08:49:37 1994",
                             "Sun Nov 06 08:49:37 94",
                             "Sun Nov  6 08:49:37 1994 GMT",
                             "Sun Nov  6 08:49:37",
                             "1994-11-06T08:49:37Z",
                             "120"}) {
        EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
    }
}

TEST(ParseDurationTest, ReadsANumberAndAUnit) {
    const std::vector<std::pair<const char*, milliseconds>> table = {
        {"0ms", 0ms},         {"0s", 0ms},
        {"500ms", 500ms},     {"30s", 30s},
        {"5m", 5min},         {"2h", 2h},
        {"7d", 168h},         {"007s", 7s},
        {"36500d", 876'000h}, {"3153600000000ms", 876'000h}};
    for (const auto& [text, expected] : table) {
        const auto duration = parse_duration(text);
        ASSERT_TRUE(duration.has_value()) << text;
        EXPECT_EQ(*duration, expected) << text;
    }
}

TEST(ParseDurationTest, RefusesEverythingElse) {
    for (const char* text : {"",
                             "s",
                             "ms",
                             "5",
                             "0",
                             "-5s",
                             "-0s",
                             "+5s",
                             " 5s",
                             "5s ",
                             "5 s",
                             "5S",
                             "5H",
                             "5sec",
                             "5min",
                             "5us",
                             "5ns",
                             "5w",
                             "5y",
                             "1.5s",
                             "1e3s",
                             "0x5s",
                             "1h30m",
                             "PT5S",
                             "5,s",
                             "5ss",
                             "5mss",
                             "forever",
                             "36501d",
                             "3153600000001ms",
                             "876001h",
                             "106751991168d",
                             "9223372036854775807ms",
                             "9223372036854775808ms",
                             "18446744073709551616s",
                             "18446744073709551621s",
                             "99999999999999999999999h"}) {
        const auto duration = parse_duration(text);
        ASSERT_FALSE(duration.has_value()) << text;
        EXPECT_EQ(duration.error().code, "invalid_argument");
        EXPECT_EQ(duration.error().details.at("field"), "duration");
    }
}

TEST(ParseDurationTest, ShowsARefusedTextSafely) {
    const auto duration = parse_duration("\x1b[31m\xFF" + std::string(1000, 'x'));
    ASSERT_FALSE(duration.has_value());
    EXPECT_NE(duration.error().message.find("'\\x1b[31m\\xff"), std::string::npos);
    EXPECT_LT(duration.error().message.size(), 200U);
}

TEST(FormatDurationTest, WritesTheShortestExactForm) {
    const std::vector<std::pair<milliseconds, const char*>> table = {{0ms, "0s"},
                                                                     {1ms, "1ms"},
                                                                     {999ms, "999ms"},
                                                                     {1500ms, "1500ms"},
                                                                     {1s, "1s"},
                                                                     {90s, "90s"},
                                                                     {60s, "1m"},
                                                                     {5min, "5m"},
                                                                     {61min, "61m"},
                                                                     {1h, "1h"},
                                                                     {3'600'001ms, "3600001ms"},
                                                                     {25h, "25h"},
                                                                     {48h, "48h"}};
    for (const auto& [duration, text] : table) EXPECT_EQ(format_duration(duration), text);
}

TEST(FormatDurationTest, IsReadBackByParseDuration) {
    SeededRandom random(2);
    for (int i = 0; i < 1000; ++i) {
        const milliseconds unit =
            std::array<milliseconds, 4>{1ms, 1s, 1min, 1h}.at(random.below(4));
        const milliseconds duration = unit * random.below(100'000);
        EXPECT_EQ(*parse_duration(format_duration(duration)), duration)
            << format_duration(duration);
    }
}

}  // namespace
}  // namespace herald::core
