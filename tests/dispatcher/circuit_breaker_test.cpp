#include "dispatcher/circuit_breaker.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/seeded_random.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using State = CircuitBreaker::State;

const core::SteadyTime kNow{1h};

/// No jitter: the middle of the range.
class MiddleRandom final : public core::Random {
public:
    [[nodiscard]] std::uint64_t next() override { return std::uint64_t{1} << 63U; }
};

class CircuitBreakerTest : public ::testing::Test {
protected:
    static storage::BreakerSettings settings() {
        return {.failure_percent = 50,
                .min_attempts = 20,
                .window = 30s,
                .open_for = 5s,
                .open_for_at_most = 300s};
    }
    void ended(ReceiverHealth health, int times, core::SteadyTime now) {
        for (int i = 0; i < times; ++i) breaker.ended(breaker.start(), health, now);
    }
    void fail(int times, core::SteadyTime now) { ended(ReceiverHealth::kFails, times, now); }
    void succeed(int times, core::SteadyTime now) { ended(ReceiverHealth::kWorks, times, now); }

    /// Until half open; the wait it took.
    core::SteadyTime::duration wait_for_probe(core::SteadyTime now) {
        const auto wait = breaker.probe_at() - now;
        breaker.advance(breaker.probe_at());
        EXPECT_EQ(breaker.state(), State::kHalfOpen);
        return wait;
    }

    MiddleRandom random;
    CircuitBreaker breaker{settings(), random};
};

TEST_F(CircuitBreakerTest, OpensAtTheMinimumOfAttemptsAndNotBelow) {
    fail(19, kNow);
    EXPECT_EQ(breaker.state(), State::kClosed);
    EXPECT_TRUE(breaker.may_start());
    fail(1, kNow);
    EXPECT_EQ(breaker.state(), State::kOpen);
    EXPECT_FALSE(breaker.may_start());
}

TEST_F(CircuitBreakerTest, OpensAtTheShareOfFailuresAndNotBelow) {
    succeed(100, kNow);
    fail(99, kNow);
    EXPECT_EQ(breaker.state(), State::kClosed) << "99 of 199";
    fail(1, kNow);
    EXPECT_EQ(breaker.state(), State::kOpen) << "100 of 200";
}

TEST_F(CircuitBreakerTest, CountsOverTheWindowAcrossItsSlices) {
    for (int i = 0; i < 19; ++i) fail(1, kNow + i * 1400ms);
    EXPECT_EQ(breaker.state(), State::kClosed);
    fail(1, kNow + 19 * 1400ms);
    EXPECT_EQ(breaker.state(), State::kOpen) << "20 failures within 26.6 s of a window of 30 s";
}

TEST_F(CircuitBreakerTest, WhatIsOlderThanTheWindowCountsNoMore) {
    // 30 s is the same place of the ring again, 33 s one further, 10 min many rounds later.
    for (const auto later : {30'000ms, 33'000ms, 600'000ms}) {
        CircuitBreaker fresh(settings(), random);
        const auto fail_at = [&](core::SteadyTime at, int times) {
            for (int i = 0; i < times; ++i) fresh.ended(fresh.start(), ReceiverHealth::kFails, at);
        };
        fail_at(kNow, 19);
        fail_at(kNow + later, 19);
        EXPECT_EQ(fresh.state(), State::kClosed) << later.count();
        fail_at(kNow + later, 1);
        EXPECT_EQ(fresh.state(), State::kOpen) << later.count();
    }
}

TEST_F(CircuitBreakerTest, WhatSaysNothingOfTheReceiverDoesNotCount) {
    fail(19, kNow);
    ended(ReceiverHealth::kUnknown, 1000, kNow);
    EXPECT_EQ(breaker.state(), State::kClosed);
    fail(1, kNow);
    EXPECT_EQ(breaker.state(), State::kOpen);
}

TEST_F(CircuitBreakerTest, StaysOpenUntilItsTimeThenLetsExactlyOneThrough) {
    fail(20, kNow);
    EXPECT_EQ(breaker.probe_at(), kNow + 5s);
    breaker.advance(breaker.probe_at() - 1ns);
    EXPECT_EQ(breaker.state(), State::kOpen);
    EXPECT_FALSE(breaker.may_start());
    breaker.advance(breaker.probe_at());
    EXPECT_EQ(breaker.state(), State::kHalfOpen);
    ASSERT_TRUE(breaker.may_start());
    (void)breaker.start();
    EXPECT_FALSE(breaker.may_start());
    breaker.advance(kNow + 1h);
    EXPECT_FALSE(breaker.may_start()) << "time alone sends no second probe";
}

TEST_F(CircuitBreakerTest, AttemptsOfAnEarlierPhaseSayNothing) {
    std::vector<CircuitBreaker::Ticket> early;
    for (int i = 0; i < 100; ++i) early.push_back(breaker.start());
    fail(20, kNow);
    for (int i = 0; i < 10; ++i) breaker.ended(early[0], ReceiverHealth::kWorks, kNow);
    EXPECT_EQ(breaker.state(), State::kOpen);
    (void)wait_for_probe(kNow);
    const auto probe = breaker.start();
    for (const auto health :
         {ReceiverHealth::kWorks, ReceiverHealth::kFails, ReceiverHealth::kUnknown}) {
        breaker.ended(early[0], health, kNow + 6s);
        EXPECT_EQ(breaker.state(), State::kHalfOpen);
        EXPECT_FALSE(breaker.may_start()) << "the probe is still under way";
    }
    breaker.ended(probe, ReceiverHealth::kWorks, kNow + 6s);
    for (const auto ticket : early) breaker.ended(ticket, ReceiverHealth::kFails, kNow + 6s);
    EXPECT_EQ(breaker.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, ASuccessfulProbeClosesAndForgets) {
    fail(20, kNow);
    (void)wait_for_probe(kNow);
    breaker.ended(breaker.start(), ReceiverHealth::kFails, kNow + 5s);
    EXPECT_EQ(wait_for_probe(kNow + 5s), 10s);
    breaker.ended(breaker.start(), ReceiverHealth::kWorks, kNow + 15s);
    EXPECT_EQ(breaker.state(), State::kClosed);
    fail(19, kNow + 15s);
    EXPECT_EQ(breaker.state(), State::kClosed) << "the failures before count no more";
    fail(1, kNow + 15s);
    ASSERT_EQ(breaker.state(), State::kOpen);
    EXPECT_EQ(wait_for_probe(kNow + 15s), 5s) << "nor does the doubled wait";
}

TEST_F(CircuitBreakerTest, EachFailedProbeDoublesTheWaitUpToItsBound) {
    fail(20, kNow);
    core::SteadyTime now = kNow;
    for (const auto wait : {5s, 10s, 20s, 40s, 80s, 160s, 300s, 300s, 300s}) {
        ASSERT_EQ(breaker.state(), State::kOpen);
        EXPECT_EQ(wait_for_probe(now), wait);
        now += wait;
        breaker.ended(breaker.start(), ReceiverHealth::kFails, now);
    }
}

TEST_F(CircuitBreakerTest, AProbeThatNeverLeftMakesRoomForAnother) {
    fail(20, kNow);
    (void)wait_for_probe(kNow);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(breaker.may_start());
        const auto probe = breaker.start();
        EXPECT_FALSE(breaker.may_start());
        breaker.ended(probe, ReceiverHealth::kUnknown, kNow + 6s);
        EXPECT_EQ(breaker.state(), State::kHalfOpen);
    }
}

TEST_F(CircuitBreakerTest, TheWaitVariesByATenthEitherWay) {
    herald::test::SeededRandom seeded(7);
    auto shortest = std::chrono::nanoseconds::max();
    auto longest = std::chrono::nanoseconds::zero();
    for (int i = 0; i < 2000; ++i) {
        CircuitBreaker jittery(settings(), seeded);
        for (int n = 0; n < 20; ++n) jittery.ended(jittery.start(), ReceiverHealth::kFails, kNow);
        shortest = std::min<std::chrono::nanoseconds>(shortest, jittery.probe_at() - kNow);
        longest = std::max<std::chrono::nanoseconds>(longest, jittery.probe_at() - kNow);
    }
    EXPECT_GE(shortest, 4500ms);
    EXPECT_LT(shortest, 4520ms);
    EXPECT_LE(longest, 5500ms);
    EXPECT_GT(longest, 5480ms);
}

TEST_F(CircuitBreakerTest, NewSettingsCloseItAndAttemptsOfBeforeCountForNothing) {
    std::vector<CircuitBreaker::Ticket> early;
    for (int i = 0; i < 100; ++i) early.push_back(breaker.start());
    fail(20, kNow);
    storage::BreakerSettings strict = settings();
    strict.min_attempts = 2;
    breaker.adopt(strict);
    EXPECT_EQ(breaker.state(), State::kClosed);
    for (const auto ticket : early) breaker.ended(ticket, ReceiverHealth::kFails, kNow);
    EXPECT_EQ(breaker.state(), State::kClosed);
    fail(2, kNow);
    EXPECT_EQ(breaker.state(), State::kOpen);
}

TEST_F(CircuitBreakerTest, SwitchedOffItNeverOpens) {
    storage::BreakerSettings off = settings();
    off.enabled = false;
    CircuitBreaker breaker_off(off, random);
    for (int i = 0; i < 10'000; ++i)
        breaker_off.ended(breaker_off.start(), ReceiverHealth::kFails, kNow + i * 1ms);
    EXPECT_EQ(breaker_off.state(), State::kClosed);
    EXPECT_TRUE(breaker_off.may_start());
}

}  // namespace
}  // namespace herald::dispatcher
