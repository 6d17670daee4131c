#include "dispatcher/rate_limit.h"

#include <gtest/gtest.h>

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;

const core::SteadyTime kNow{1h};

int take_all(RateLimit& limit, core::SteadyTime now) {
    int taken = 0;
    while (taken < 10'000 && limit.try_take(now)) ++taken;
    return taken;
}

TEST(RateLimitTest, WithoutARateEverythingPasses) {
    RateLimit limit;
    EXPECT_EQ(take_all(limit, kNow), 10'000);
    EXPECT_LE(limit.next_at(kNow), kNow);
}

TEST(RateLimitTest, StaysAtTheRateOverTime) {
    for (const double rate : {0.5, 1.0, 20.0, 1000.0}) {
        RateLimit limit(rate);
        int taken = 0;
        for (int ms = 0; ms < 60'000; ++ms)
            taken += take_all(limit, kNow + std::chrono::milliseconds(ms));
        EXPECT_NEAR(taken, rate * 60, rate * 60 * 0.02 + 1) << rate;
    }
}

TEST(RateLimitTest, APauseAllowsATenthOfASecondsWorthAtOnce) {
    RateLimit limit(100.0);
    take_all(limit, kNow);
    EXPECT_EQ(take_all(limit, kNow + 1h), 10);
}

TEST(RateLimitTest, TheNextPermitIsThereWhenItWasPromised) {
    RateLimit limit(3.0);
    core::SteadyTime now = kNow;
    for (int i = 0; i < 1000; ++i) {
        take_all(limit, now);
        const core::SteadyTime next = limit.next_at(now);
        ASSERT_GT(next, now);
        EXPECT_FALSE(limit.try_take(next - 1ms));
        ASSERT_TRUE(limit.try_take(next));
        now = next;
    }
}

}  // namespace
}  // namespace herald::dispatcher
