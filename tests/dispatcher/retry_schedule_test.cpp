// the retry schedule as a property of a million decisions.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "dispatcher/retry_policy.h"
#include "tests/support/seeded_random.h"

namespace herald::dispatcher {
namespace {

using std::chrono::milliseconds;
using storage::CalloutState;

constexpr std::uint64_t kSeed = 20'261'121;
constexpr int kCallouts = 100'000;  // of ten decisions each
constexpr std::size_t kBuckets = 20;
// The chi-square value of 19 degrees of freedom that a fair source passes in 99 of 100 cases.
constexpr double kCritical = 36.19;

const core::StoredTime kNow{milliseconds(1'795'248'000'000)};

struct Histogram {
    std::array<std::int64_t, kBuckets> counts{};
    std::int64_t total = 0;

    /// `place` in [0, 1) of the range that jitter may choose from.
    void add(double place) {
        ++counts[std::min(kBuckets - 1, static_cast<std::size_t>(place * kBuckets))];
        ++total;
    }
    [[nodiscard]] double chi_square() const {
        const double expected = static_cast<double>(total) / kBuckets;
        double sum = 0;
        for (const std::int64_t count : counts)
            sum += std::pow(static_cast<double>(count) - expected, 2) / expected;
        return sum;
    }
};

/// One callout whose every attempt fails, each when it is due.
struct Fate {
    std::vector<milliseconds> waits;
    Decision last;
};

Fate fail_to_the_end(const storage::RetrySettings& settings, core::Random& random) {
    Fate fate;
    RetryPosition position{.failures = 0, .event_at = kNow, .now = kNow};
    for (;;) {
        fate.last = decide({}, settings, position, random);
        if (fate.last.state != CalloutState::kPending) return fate;
        fate.waits.push_back(*fate.last.due_at - position.now);
        position.now = *fate.last.due_at;
        position.failures = fate.last.failures;
    }
}

TEST(RetryScheduleTest, AMillionDecisionsKeepTheirBoundsAndEveryCalloutDiesAfterTheLastStep) {
    const storage::RetrySettings settings = default_retry();
    herald::test::SeededRandom random(kSeed);
    std::int64_t decisions = 0;
    std::int64_t violations = 0;
    for (int i = 0; i < kCallouts; ++i) {
        const Fate fate = fail_to_the_end(settings, random);
        decisions += static_cast<std::int64_t>(fate.waits.size()) + 1;
        violations += fate.waits.size() == settings.schedule.size() ? 0 : 1;
        violations += fate.last.state == CalloutState::kDead ? 0 : 1;
        violations += fate.last.reason == "attempts_exhausted" ? 0 : 1;
        violations += fate.last.failures == static_cast<int>(settings.schedule.size()) + 1 ? 0 : 1;
        for (std::size_t step = 0; step < fate.waits.size(); ++step) {
            const milliseconds base = settings.schedule[step];
            const milliseconds longest =
                std::min<milliseconds>(base * 12 / 10, std::chrono::hours(24));
            violations += fate.waits[step] >= base * 8 / 10 ? 0 : 1;
            violations += fate.waits[step] <= longest ? 0 : 1;
        }
    }
    EXPECT_EQ(decisions, 1'000'000);
    EXPECT_EQ(violations, 0) << "seed " << kSeed;
}

TEST(RetryScheduleTest, JitterIsUniformOverItsWholeRange) {
    const storage::RetrySettings settings = default_retry();
    herald::test::SeededRandom random(kSeed);
    Histogram together;
    std::vector<Histogram> by_step(settings.schedule.size() - 1);  // the last one meets the cap
    for (int i = 0; i < kCallouts; ++i) {
        const Fate fate = fail_to_the_end(settings, random);
        for (std::size_t step = 0; step < by_step.size(); ++step) {
            const double base = static_cast<double>(milliseconds(settings.schedule[step]).count());
            // Half a millisecond: waits are whole ones, rounded down.
            const double wait = static_cast<double>(fate.waits[step].count()) + 0.5;
            const double place = (wait / base - 0.8) / 0.4;
            by_step[step].add(place);
            together.add(place);
        }
    }
    EXPECT_LT(together.chi_square(), kCritical) << "seed " << kSeed;
    for (std::size_t step = 0; step < by_step.size(); ++step)
        EXPECT_LT(by_step[step].chi_square(), kCritical) << "step " << step << ", seed " << kSeed;
}

TEST(RetryScheduleTest, JitterFollowsTheSettingOfTheNotification) {
    for (const int percent : {0, 1, 50, 100}) {
        const storage::RetrySettings settings{.schedule = {std::chrono::seconds(1000)},
                                              .max_age = std::nullopt,
                                              .reject = {},
                                              .jitter_percent = percent};
        herald::test::SeededRandom random(kSeed);
        milliseconds shortest = milliseconds::max();
        milliseconds longest = milliseconds::zero();
        for (int i = 0; i < 20'000; ++i) {
            const milliseconds wait = fail_to_the_end(settings, random).waits.at(0);
            shortest = std::min(shortest, wait);
            longest = std::max(longest, wait);
        }
        const auto at = [](int percents) { return milliseconds(10'000 * percents); };
        EXPECT_GE(shortest, at(100 - percent)) << percent;
        EXPECT_LE(shortest, at(100 - percent) + milliseconds(percent * 20 + 1)) << percent;
        EXPECT_LE(longest, at(100 + percent)) << percent;
        EXPECT_GE(longest, at(100 + percent) - milliseconds(percent * 20 + 1)) << percent;
    }
}

}  // namespace
}  // namespace herald::dispatcher
