#include "core/backoff.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace herald::core {
namespace {

using namespace std::chrono_literals;

TEST(BackoffTest, DoublesWithEachFailureUpToTheLongest) {
    constexpr Backoff kHow{.first = 1s, .longest = 60s};
    EXPECT_EQ(kHow.after(1), 1s);
    EXPECT_EQ(kHow.after(2), 2s);
    EXPECT_EQ(kHow.after(6), 32s);
    EXPECT_EQ(kHow.after(7), 60s);
    EXPECT_EQ(kHow.after(1'000'000), 60s) << "never overflows";
    constexpr Backoff kLong{.first = 24h, .longest = 24h * 365};
    EXPECT_EQ(kLong.after(1'000'000), 24h * 365);
}

TEST(BackoffTest, JitterStaysWithinItsShareAndReachesBothEnds) {
    test::SeededRandom random{3};
    auto least = 1'000'000ms;
    auto most = 0ms;
    for (int i = 0; i < 10'000; ++i) {
        const auto wait = jittered(10s, 0.2, random);
        least = std::min(least, wait);
        most = std::max(most, wait);
    }
    EXPECT_GE(least, 8s);
    EXPECT_LT(least, 8'100ms);
    EXPECT_LE(most, 12s);
    EXPECT_GT(most, 11'900ms);
}

TEST(BackoffTest, FullJitterGoesFromNothingToTheWhole) {
    test::SeededRandom random{3};
    auto least = 1'000'000ms;
    auto most = 0ms;
    for (int i = 0; i < 10'000; ++i) {
        const auto wait = fully_jittered(10s, random);
        least = std::min(least, wait);
        most = std::max(most, wait);
    }
    EXPECT_LT(least, 100ms);
    EXPECT_GT(most, 9'900ms);
    EXPECT_LE(most, 10s);
}

TEST(BackoffTest, WhatTheOtherSideAsksForCountsUpToTheCap) {
    EXPECT_EQ(not_before(5s, std::nullopt), 5s);
    EXPECT_EQ(not_before(5s, 3s), 5s) << "never earlier than ours";
    EXPECT_EQ(not_before(5s, 90s), 90s);
    EXPECT_EQ(not_before(5s, 90s, 60s), 60s);
    EXPECT_EQ(not_before(70s, 90s, 60s), 70s) << "the cap is on what was asked for";
}

}  // namespace
}  // namespace herald::core
