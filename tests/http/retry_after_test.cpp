#include "http/retry_after.h"

#include <gtest/gtest.h>

namespace herald::http {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

// 2026-11-21T08:00:00Z.
constexpr core::SystemTime kNow{milliseconds(1'795'248'000'000)};

struct Line {
    std::string name;
    std::string value;
};

struct Case {
    const char* number;
    std::vector<Line> lines;
    std::optional<milliseconds> expected;

    friend void PrintTo(const Case& c, std::ostream* out) { *out << c.number; }
};

class RetryAfter : public ::testing::TestWithParam<Case> {};

TEST_P(RetryAfter, Reads) {
    Response response;
    response.status = 503;
    for (const auto& line : GetParam().lines) response.headers.add(line.name, line.value);
    EXPECT_EQ(retry_after(response, kNow), GetParam().expected);
}

Case asks(const char* number, const std::string& value, std::optional<milliseconds> expected) {
    return {number, {{"Retry-After", value}}, expected};
}
Case resets(const char* number, const std::string& value, std::optional<milliseconds> expected) {
    return {number, {{"RateLimit-Reset", value}}, expected};
}

INSTANTIATE_TEST_SUITE_P(
    Table, RetryAfter,
    ::testing::Values(
        asks("E-61", "5", 5s), asks("E-62", "0", 0s), asks("E-63a", "-1", std::nullopt),
        asks("E-63b", "abc", std::nullopt), asks("E-63c", "", std::nullopt),
        asks("E-63d", "5s", std::nullopt), asks("E-63e", "5,6", std::nullopt),
        asks("E-63f", "5 6", std::nullopt), asks("E-63g", "+5", std::nullopt),
        asks("E-63h", "5;q=1", std::nullopt), asks("E-64", "99999999999", 99999999999s),
        asks("E-65a", "Sat, 21 Nov 2026 08:02:00 GMT", 120s),
        asks("E-65b", "Saturday, 21-Nov-26 08:02:00 GMT", 120s),
        asks("E-65c", "Sat Nov 21 08:02:00 2026", 120s),
        asks("E-66", "Fri, 20 Nov 2026 08:00:00 GMT", 0s),
        Case{"E-67a", {{"Retry-After", "3"}, {"retry-after", "9"}}, 9s},
        Case{"E-67b", {{"Retry-After", "9"}, {"Retry-After", "x"}, {"Retry-After", "3"}}, 9s},
        asks("E-68a", "1e3", std::nullopt), asks("E-68b", "0x10", std::nullopt),
        asks("E-68c", "\xD9\xA5", std::nullopt), asks("E-68d", "NaN", std::nullopt),
        asks("E-68e", "inf", std::nullopt), asks("E-69", "  7 ", 7s), asks("O-100a", "1.5", 1500ms),
        asks("O-100b", "0.0009", 0ms), asks("O-100c", "2.125000", 2125ms),
        asks("O-100d", "1.", std::nullopt), asks("O-100e", ".5", std::nullopt),
        asks("O-100f", "1.5.1", std::nullopt), asks("O-100g", "1.-5", std::nullopt),
        Case{"none", {{"Date", "5"}}, std::nullopt}, resets("O-101 delta", "30", 30s),
        resets("O-101 fraction", "0.25", 250ms), resets("O-101 epoch", "1795248060", 60s),
        resets("O-101 epoch fraction", "1795248060.5", 60500ms),
        resets("O-101 epoch ms", "1795248060250", 60250ms),
        resets("O-101 past epoch", "1795240000", 0s), resets("O-102 list", "30;w=60", 30s),
        resets("O-102 many", "30, 900;w=3600", 30s), resets("garbage", "soon", std::nullopt),
        resets("negative", "-3", std::nullopt),
        Case{"O-101 x-", {{"X-RateLimit-Reset", "12"}}, 12s},
        Case{"standard before x-", {{"x-ratelimit-reset", "12"}, {"ratelimit-reset", "4"}}, 4s},
        Case{"O-102 limit", {{"RateLimit-Limit", "100, 100;w=60"}, {"RateLimit-Reset", "4"}}, 4s},
        Case{"Retry-After first", {{"ratelimit-reset", "99"}, {"Retry-After", "2"}}, 2s},
        Case{"invalid Retry-After", {{"ratelimit-reset", "99"}, {"Retry-After", "x"}}, 99s}));

TEST(RetryAfterTest, AnyNumberOfDigitsIsBounded) {
    Response response;
    response.status = 200;
    response.headers.add("Retry-After", std::string(30'000, '9'));
    const auto delay = retry_after(response, kNow);
    ASSERT_TRUE(delay.has_value());
    EXPECT_GT(*delay, 24h * 365 * 50);
}

// Gateways send rate-limit headers with every answer; a 502 says nothing about a limit.
TEST(RetryAfterTest, ARateLimitResetCountsOnlyWhereTheAnswerSaysTooMany) {
    for (const int status : {200, 400, 401, 403, 408, 429, 500, 502, 503, 504}) {
        Response response;
        response.status = status;
        response.headers.add("x-ratelimit-reset", "3600");
        const bool counts = status == 429 || status == 503;
        EXPECT_EQ(retry_after(response, kNow).has_value(), counts) << status;
        response.headers.add("Retry-After", "7");
        EXPECT_EQ(retry_after(response, kNow), 7s) << status;
    }
}

}  // namespace
}  // namespace herald::http
