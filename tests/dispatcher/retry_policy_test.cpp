#include "dispatcher/retry_policy.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/dispatcher/samples.h"

namespace herald::dispatcher {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using storage::AttemptOutcome;
using storage::CalloutState;
using test::SeededRandom;

const core::StoredTime kNow = test::stored_at("2026-03-01T12:00:00Z");

/// No jitter: the middle of the range.
class MiddleRandom final : public core::Random {
public:
    [[nodiscard]] std::uint64_t next() override { return std::uint64_t{1} << 63U; }
};

Decision decide_at(const storage::RetrySettings& settings, int failures,
                   const Verdict& verdict = {}, core::StoredTime event_at = kNow) {
    MiddleRandom random;
    return decide(verdict, settings, {.failures = failures, .event_at = event_at, .now = kNow},
                  random);
}

TEST(RetryPolicyTest, FollowsTheDefaultScheduleThenGivesUp) {
    const std::array<seconds, 9> expected{seconds(5), minutes(5), minutes(30), hours(2), hours(5),
                                          hours(10),  hours(14),  hours(20),   hours(24)};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const Decision decision = decide_at(default_retry(), static_cast<int>(i));
        EXPECT_EQ(decision.state, CalloutState::kPending);
        EXPECT_EQ(decision.due_at, kNow + expected[i]) << "step " << i;
        EXPECT_EQ(decision.reason, "retry");
        EXPECT_EQ(decision.failures, static_cast<int>(i) + 1);
    }
    const Decision last = decide_at(default_retry(), 9);
    EXPECT_EQ(last.state, CalloutState::kDead);
    EXPECT_EQ(last.reason, "attempts_exhausted");
    EXPECT_EQ(last.due_at, std::nullopt);
    EXPECT_EQ(last.failures, 10);
}

TEST(RetryPolicyTest, WithoutAScheduleTheFirstFailureIsTheLast) {
    const Decision decision = decide_at({}, 0);
    EXPECT_EQ(decision.state, CalloutState::kDead);
    EXPECT_EQ(decision.reason, "attempts_exhausted");
}

TEST(RetryPolicyTest, DeliveredEndsWithoutAReason) {
    const Decision decision =
        decide_at(default_retry(), 3, {.outcome = AttemptOutcome::kDelivered});
    EXPECT_EQ(decision.state, CalloutState::kDelivered);
    EXPECT_EQ(decision.reason, std::nullopt);
    EXPECT_EQ(decision.due_at, std::nullopt);
    EXPECT_EQ(decision.failures, 3);
}

TEST(RetryPolicyTest, FinalOutcomesEndDeadWithTheirReason) {
    for (const AttemptOutcome outcome :
         {AttemptOutcome::kRejected, AttemptOutcome::kGone, AttemptOutcome::kFailed}) {
        const Decision decision =
            decide_at(default_retry(), 0, {.outcome = outcome, .reason = "why"});
        EXPECT_EQ(decision.state, CalloutState::kDead);
        EXPECT_EQ(decision.reason, "why");
        EXPECT_EQ(decision.due_at, std::nullopt);
    }
}

TEST(RetryPolicyTest, TheReasonOfARetryIsKept) {
    EXPECT_EQ(decide_at(default_retry(), 0, {.reason = "rate_limited"}).reason, "rate_limited");
}

TEST(RetryPolicyTest, TakesTheLaterOfScheduleAndRetryAfterUpTo24Hours) {
    const struct {
        milliseconds asked, expected;
    } cases[] = {{seconds(1), seconds(5)},      {milliseconds(5'000), seconds(5)},
                 {seconds(6), seconds(6)},      {hours(23), hours(23)},
                 {hours(24), hours(24)},        {hours(25), hours(24)},
                 {hours(9'999'999), hours(24)}, {milliseconds::max(), hours(24)}};
    for (const auto& [asked, expected] : cases) {
        EXPECT_EQ(decide_at(default_retry(), 0, {.retry_after = asked}).due_at, kNow + expected)
            << asked.count();
    }
}

TEST(RetryPolicyTest, RetryAfterNeverExtendsASpentSchedule) {
    EXPECT_EQ(decide_at({.schedule = {seconds(5)}, .max_age = {}, .reject = {}}, 1,
                        {.retry_after = seconds(9)})
                  .state,
              CalloutState::kDead);
}

TEST(RetryPolicyTest, EndsWhenTheNextTryWouldComeAfterTheMaxAge) {
    const storage::RetrySettings settings{
        .schedule = {seconds(10)}, .max_age = seconds(60), .reject = {}};
    const struct {
        seconds age;
        CalloutState state;
    } cases[] = {{seconds(0), CalloutState::kPending},
                 {seconds(50), CalloutState::kPending},
                 {seconds(51), CalloutState::kDead},
                 {seconds(61), CalloutState::kDead}};
    for (const auto& [age, state] : cases) {
        const Decision decision = decide_at(settings, 0, {}, kNow - age);
        EXPECT_EQ(decision.state, state) << age.count();
        if (state == CalloutState::kDead) {
            EXPECT_EQ(decision.reason, "max_age");
        }
    }
}

TEST(RetryPolicyTest, MaxAgeCountsFromTheEventAndIsOptional) {
    const storage::RetrySettings limited{.schedule = {}, .max_age = seconds(60), .reject = {}};
    EXPECT_FALSE(is_past_max_age(limited, kNow - seconds(60), kNow));
    EXPECT_TRUE(is_past_max_age(limited, kNow - milliseconds(60'001), kNow));
    EXPECT_FALSE(is_past_max_age({}, kNow - hours(100'000), kNow));
}

// every delay within its bounds, the jitter uniform.
TEST(RetryPolicyPropertyTest, DelaysStayInBoundsAndJitterIsUniform) {
    constexpr std::uint64_t kSeed = 20260301;
    constexpr int kDraws = 100'000;
    constexpr std::size_t kBuckets = 20;
    constexpr double kCriticalValue = 36.19;  // chi-square, 19 degrees of freedom, p = 0.01
    SCOPED_TRACE("seed " + std::to_string(kSeed));
    SeededRandom random(kSeed);
    const storage::RetrySettings settings = default_retry();
    std::array<int, kBuckets> counts{};
    int counted = 0;
    for (int i = 0; i < kDraws; ++i) {
        const int failures = static_cast<int>(random.below(settings.schedule.size()));
        const auto base = milliseconds(settings.schedule[static_cast<std::size_t>(failures)]);
        const Decision decision =
            decide({}, settings, {.failures = failures, .event_at = kNow, .now = kNow}, random);
        ASSERT_TRUE(decision.due_at);
        const milliseconds wait = *decision.due_at - kNow;
        ASSERT_GE(wait, base * 8 / 10);
        ASSERT_LE(wait, std::min<milliseconds>(base * 12 / 10, hours(24)));
        if (base * 12 / 10 > hours(24)) continue;  // capped: no longer uniform
        const double share = static_cast<double>((wait - base * 8 / 10).count()) /
                             static_cast<double>((base * 4 / 10).count());
        ++counts.at(std::min(kBuckets - 1, static_cast<std::size_t>(share * kBuckets)));
        ++counted;
    }
    const double expected = static_cast<double>(counted) / kBuckets;
    double chi_square = 0;
    for (const int count : counts) chi_square += (count - expected) * (count - expected) / expected;
    EXPECT_LT(chi_square, kCriticalValue);
}

TEST(RetryPolicyPropertyTest, TheJitterOfTheSettingsBoundsTheWait) {
    SeededRandom random(11);
    for (const int percent : {0, 1, 50}) {
        storage::RetrySettings settings{.schedule = {seconds(100)}, .max_age = {}, .reject = {}};
        settings.jitter_percent = percent;
        for (int i = 0; i < 1'000; ++i) {
            const auto wait =
                *decide({}, settings, {.event_at = kNow, .now = kNow}, random).due_at - kNow;
            ASSERT_GE(wait, seconds(100 - percent));
            ASSERT_LE(wait, seconds(100 + percent));
        }
    }
}

TEST(RetryPolicyPropertyTest, EveryCalloutDiesOnceAfterExactlyAllItsAttempts) {
    SeededRandom random(7);
    for (int callout = 0; callout < 1'000; ++callout) {
        int failures = 0;
        int attempts = 0;
        Decision decision;
        do {
            ++attempts;
            decision = decide({}, default_retry(),
                              {.failures = failures, .event_at = kNow, .now = kNow}, random);
            ASSERT_EQ(decision.failures, failures + 1);
            failures = decision.failures;
        } while (decision.state == CalloutState::kPending);
        ASSERT_EQ(decision.state, CalloutState::kDead);
        ASSERT_EQ(attempts, 10);
    }
}

TEST(RetrySettingsTest, ReadsEveryForm) {
    const auto defaults = default_retry();
    const struct {
        std::string_view text;
        std::vector<seconds> schedule;
        std::optional<seconds> max_age;
        std::vector<std::string> reject;
        int jitter = 20;
    } cases[] = {
        {"default", defaults.schedule, std::nullopt, {}},
        {"none", {}, std::nullopt, {}},
        {"reject-4xx", defaults.schedule, std::nullopt, {"4xx"}},
        {"default;reject-4xx", defaults.schedule, std::nullopt, {"4xx"}},
        {"none;reject=422", {}, std::nullopt, {"422"}},
        {"schedule=5s,5m", {seconds(5), minutes(5)}, std::nullopt, {}},
        {"schedule=5s, 5m,2h ; max-age=24h", {seconds(5), minutes(5), hours(2)}, hours(24), {}},
        {"max-age=1s", defaults.schedule, seconds(1), {}},
        {"reject=400,422;schedule=1s", {seconds(1)}, std::nullopt, {"400", "422"}},
        {"schedule=2000ms;max-age=2160h;reject=4xx", {seconds(2)}, hours(2160), {"4xx"}},
        {"jitter=0%", defaults.schedule, std::nullopt, {}, 0},
        {"schedule=1s; jitter=50%;reject=422", {seconds(1)}, std::nullopt, {"422"}, 50},
    };
    for (const auto& expected : cases) {
        const auto settings = parse_retry(expected.text);
        ASSERT_TRUE(settings) << expected.text << ": " << settings.error().message;
        EXPECT_EQ(settings->schedule, expected.schedule) << expected.text;
        EXPECT_EQ(settings->max_age, expected.max_age) << expected.text;
        EXPECT_EQ(settings->reject, expected.reject) << expected.text;
        EXPECT_EQ(settings->jitter_percent, expected.jitter) << expected.text;
    }
}

TEST(RetrySettingsTest, RefusesWhatItDoesNotUnderstand) {
    for (const std::string_view text : {"",
                                        ";",
                                        "never",
                                        "default;none",
                                        "none;schedule=5s",
                                        "schedule=",
                                        "schedule=5",
                                        "schedule=5s,,5m",
                                        "schedule=0s",
                                        "schedule=500ms",
                                        "schedule=25h",
                                        "schedule=-5s",
                                        "schedule=5s;schedule=6s",
                                        "jitter",
                                        "jitter=",
                                        "jitter=10",
                                        "jitter=51%",
                                        "jitter=60%",
                                        "jitter=-1%",
                                        "jitter=99999999999%",
                                        "jitter=10%;jitter=10%",
                                        "max-age=0s",
                                        "max-age=2161h",
                                        "max-age=1s;max-age=2s",
                                        "reject=",
                                        "reject=500",
                                        "reject=399",
                                        "reject=4x",
                                        "reject=40",
                                        "reject=4000",
                                        "reject=4xx;reject-4xx",
                                        "Default",
                                        "schedule=5s;max_age=4h",
                                        "reject=400,"}) {
        const auto settings = parse_retry(text);
        ASSERT_FALSE(settings) << text;
        EXPECT_EQ(settings.error().code, "invalid_argument") << text;
        EXPECT_EQ(settings.error().details.at("field").as_string(), "retry") << text;
    }
}

TEST(RetrySettingsTest, HasAtMostAHundredSteps) {
    storage::RetrySettings settings{
        .schedule = std::vector<seconds>(100, seconds(1)), .max_age = {}, .reject = {}};
    EXPECT_TRUE(validate_retry(settings));
    settings.schedule.emplace_back(1);
    EXPECT_FALSE(validate_retry(settings));
}

}  // namespace
}  // namespace herald::dispatcher
