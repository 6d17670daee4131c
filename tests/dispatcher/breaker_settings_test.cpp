#include "dispatcher/breaker_settings.h"

#include <gtest/gtest.h>

#include <limits>

namespace herald::dispatcher {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using storage::BreakerSettings;

BreakerSettings with(const std::function<void(BreakerSettings&)>& change) {
    BreakerSettings settings;
    change(settings);
    return settings;
}

TEST(BreakerSettingsTest, ReadsEveryForm) {
    const struct {
        std::string_view text;
        BreakerSettings expected;
    } cases[] = {
        {"default", {}},
        {"off", with([](auto& s) { s.enabled = false; })},
        {"failures=1%", with([](auto& s) { s.failure_percent = 1; })},
        {"failures=100%", with([](auto& s) { s.failure_percent = 100; })},
        {"min=1", with([](auto& s) { s.min_attempts = 1; })},
        {"min=1000", with([](auto& s) { s.min_attempts = 1000; })},
        {"window=1s", with([](auto& s) { s.window = seconds(1); })},
        {"window=10m", with([](auto& s) { s.window = minutes(10); })},
        {"open=1s", with([](auto& s) { s.open_for = seconds(1); })},
        {"open=1h;max-open=1h", with([](auto& s) { s.open_for = s.open_for_at_most = hours(1); })},
        {"max-open=5s", with([](auto& s) { s.open_for_at_most = seconds(5); })},
        {"max-open=24h", with([](auto& s) { s.open_for_at_most = hours(24); })},
        {" max-open=1h ; window=60000ms;open=7s; min=3;failures=25% ",
         {.enabled = true,
          .failure_percent = 25,
          .min_attempts = 3,
          .window = minutes(1),
          .open_for = seconds(7),
          .open_for_at_most = hours(1)}},
    };
    for (const auto& row : cases) {
        const auto settings = parse_breaker(row.text);
        ASSERT_TRUE(settings) << row.text << ": " << settings.error().message;
        EXPECT_EQ(*settings, row.expected) << row.text;
    }
}

TEST(BreakerSettingsTest, RefusesTheRestNamingTheRule) {
    constexpr std::string_view kForm = "write 'default', 'off', or parts joined by ;";
    constexpr std::string_view kFailures = "failures is 1% to 100%";
    constexpr std::string_view kMin = "min is 1 to 1000 attempts";
    constexpr std::string_view kWindow = "window is 1s to 10m";
    constexpr std::string_view kOpen = "open is 1s to 1h";
    constexpr std::string_view kMaxOpen = "max-open is at least as long as open";
    const struct {
        std::string_view text;
        std::string_view rule;
    } cases[] = {
        {"", kForm},
        {";", kForm},
        {"min=5;", kForm},
        {"on", kForm},
        {"Default", kForm},
        {"default;min=5", kForm},
        {"off;min=5", kForm},
        {"min=5;off", kForm},
        {"max_open=5m", kForm},
        {"enabled=true", kForm},
        {"failures=0%", kFailures},
        {"failures=101%", kFailures},
        {"failures=-1%", kFailures},
        {"failures=50", kFailures},
        {"failures=", kFailures},
        {"failures", kFailures},
        {"failures=%", kFailures},
        {"failures=0.5%", kFailures},
        {"failures=99999999999%", kFailures},
        {"min=0", kMin},
        {"min=1001", kMin},
        {"min=-5", kMin},
        {"min=abc", kMin},
        {"min=99999999999", kMin},
        {"window=0s", kWindow},
        {"window=601s", kWindow},
        {"window=1500ms", kWindow},
        {"window=30", kWindow},
        {"open=0s", kOpen},
        {"open=2h;max-open=3h", kOpen},
        {"open=-1s", kOpen},
        {"max-open=4s", kMaxOpen},
        {"max-open=25h", kMaxOpen},
        {"open=10m", kMaxOpen},
        {"min=5;min=5", "min is given twice"},
        {"max-open=1h;open=5s;max-open=1h", "max-open is given twice"},
    };
    for (const auto& [text, rule] : cases) {
        const auto settings = parse_breaker(text);
        ASSERT_FALSE(settings) << text;
        const core::Error& error = settings.error();
        EXPECT_EQ(error.code, "invalid_argument") << text;
        EXPECT_EQ(error.details.at("field").as_string(), "breaker") << text;
        EXPECT_NE(error.message.find(rule), std::string::npos) << text << ": " << error.message;
    }
}

// What does not come as text: the members of the API, and a breaker that is off.
TEST(BreakerSettingsTest, RangesHoldForWhatWasNotWrittenAsText) {
    EXPECT_TRUE(validate_breaker({}));
    EXPECT_TRUE(validate_breaker(with([](auto& s) { s.enabled = false; })));
    const seconds longest = seconds::max();
    for (const BreakerSettings& broken :
         {with([](auto& s) { s.failure_percent = std::numeric_limits<int>::max(); }),
          with([](auto& s) { s.min_attempts = std::numeric_limits<int>::min(); }),
          with([&](auto& s) { s.window = longest; }), with([&](auto& s) { s.open_for = longest; }),
          with([&](auto& s) { s.open_for_at_most = longest; }),
          with([](auto& s) { s.open_for_at_most = seconds::min(); }), with([](auto& s) {
              s.enabled = false;
              s.min_attempts = 0;
          })}) {
        EXPECT_FALSE(validate_breaker(broken));
    }
}

}  // namespace
}  // namespace herald::dispatcher
