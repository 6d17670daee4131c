#include "providers/token_schedule.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/seeded_random.h"

namespace herald::providers {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

const core::SteadyTime kStart{1h};

struct TimesRow {
    milliseconds lifetime, least_refresh, latest_refresh, usable;
};

TEST(TokenTimesTest, LeadAndMarginFollowTheLifetime) {
    test::SeededRandom random(1);
    const std::vector<TimesRow> rows = {
        {3600s, 3600s - 330s, 3600s - 270s, 3600s - 30s},  // capped at 300 s
        {600s, 600s - 132s, 600s - 108s, 600s - 30s},      // 20 %
        {100s, 100s - 33s, 100s - 27s, 100s - 10s},        // floor of 30 s
        {40s, 40s - 8800ms, 40s - 7200ms, 40s - 4s},       // the floor would eat it: 20 %
        {5s, 5s - 1100ms, 5s - 900ms, 5s - 500ms},
    };
    for (const TimesRow& row : rows) {
        for (int i = 0; i < 100; ++i) {
            const TokenTimes times = token_times(kStart, row.lifetime, {}, random);
            EXPECT_GE(times.refresh_from, kStart + row.least_refresh) << row.lifetime.count();
            EXPECT_LE(times.refresh_from, kStart + row.latest_refresh) << row.lifetime.count();
            EXPECT_EQ(times.usable_until, kStart + row.usable) << row.lifetime.count();
        }
    }
}

// O-76: a hundred providers started together spread their refreshes.
TEST(TokenTimesTest, RefreshesOfManyProvidersSpread) {
    test::SeededRandom random(2);
    std::set<std::int64_t> seconds;
    for (int i = 0; i < 100; ++i) {
        const TokenTimes times = token_times(kStart, 3600s, {}, random);
        seconds.insert(std::chrono::floor<std::chrono::seconds>(times.refresh_from)
                           .time_since_epoch()
                           .count());
    }
    EXPECT_GT(seconds.size(), 30U);
}

TEST(TokenTimesTest, SettingsWin) {
    test::SeededRandom random(3);
    ProviderSettings settings;
    settings.refresh_lead_s = 30s;
    settings.expiry_margin_s = 2s;
    const TokenTimes times = token_times(kStart, 600s, settings, random);
    EXPECT_GE(times.refresh_from, kStart + 600s - 33s);
    EXPECT_LE(times.refresh_from, kStart + 600s - 27s);
    EXPECT_EQ(times.usable_until, kStart + 598s);
}

core::Error failure(core::ErrorKind kind, std::optional<milliseconds> retry_after = std::nullopt) {
    return {.kind = kind, .code = "x", .message = "x", .details = {}, .retry_after = retry_after};
}

TEST(GrantRefreshTest, IsDailyAndAheadOfTheEndThatIsTold) {
    herald::test::SeededRandom random{5};
    ProviderSettings settings;
    const core::SteadyTime from{};
    const auto after = [&](std::optional<std::chrono::milliseconds> lifetime, bool is_fixed) {
        return grant_refresh_at(from, lifetime, is_fixed, settings, random);
    };
    for (int i = 0; i < 100; ++i) {
        const auto daily = *after(std::nullopt, false) - from;
        EXPECT_GE(daily, 22h + 45min);
        EXPECT_LE(daily, 25h + 15min);
        const auto ahead = *after(1800s, false) - from;
        EXPECT_GE(ahead, 1800s - 330s);
        EXPECT_LE(ahead, 1800s - 270s);
        EXPECT_LE(*after(24h * 90, true) - from, 25h + 15min) << "a distant end may be fixed";
        EXPECT_EQ(*after(40s, false) - from, 30s) << "never in a storm";
    }
    EXPECT_FALSE(after(1800s, true));
    settings.grant_refresh_s = 0s;
    EXPECT_FALSE(after(std::nullopt, false));
    EXPECT_FALSE(after(1800s, false));
}

TEST(WaitAfterFailureTest, DoublesUpToFiveMinutesWithFullJitter) {
    test::SeededRandom random(4);
    const std::vector<milliseconds> ceilings = {1s,  2s,   4s,   8s,   16s, 32s,
                                                64s, 128s, 256s, 300s, 300s};
    for (std::size_t i = 0; i < ceilings.size(); ++i) {
        milliseconds longest{0};
        for (int draw = 0; draw < 200; ++draw) {
            const auto wait = wait_after_failure(failure(core::ErrorKind::kTransient),
                                                 static_cast<int>(i) + 1, {}, random);
            EXPECT_GE(wait, 100ms);
            EXPECT_LE(wait, ceilings[i]);
            longest = std::max(longest, wait);
        }
        EXPECT_GT(longest, ceilings[i] / 2);
    }
}

TEST(WaitAfterFailureTest, NeverComesBackBeforeTheServerAsked) {
    test::SeededRandom random(5);
    for (int draw = 0; draw < 100; ++draw) {
        EXPECT_GE(wait_after_failure(failure(core::ErrorKind::kThrottled, 600s), 1, {}, random),
                  600s);
    }
}

TEST(WaitAfterFailureTest, ARefusalWaitsAQuarterOfAnHour) {
    test::SeededRandom random(6);
    EXPECT_EQ(wait_after_failure(failure(core::ErrorKind::kUnauthorized), 1, {}, random), 15min);
}

}  // namespace
}  // namespace herald::providers
