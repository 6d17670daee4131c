#include "dispatcher/retry_policy.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace herald::dispatcher {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait = std::chrono::hours(24);

milliseconds with_jitter(std::chrono::seconds step, int percent, core::Random& random) {
    const double jitter = percent / 100.0;
    const double factor = 1.0 - jitter + 2.0 * jitter * random.uniform();
    return milliseconds(
        static_cast<std::int64_t>(static_cast<double>(milliseconds(step).count()) * factor));
}

Decision dead(std::string reason, int failures) {
    return {
        .state = storage::CalloutState::kDead, .reason = std::move(reason), .failures = failures};
}

Decision retry(const Verdict& verdict, const storage::RetrySettings& settings,
               const RetryPosition& position, core::Random& random) {
    const int failures = position.failures + 1;
    const auto step = static_cast<std::size_t>(position.failures);
    if (step >= settings.schedule.size()) return dead("attempts_exhausted", failures);
    const milliseconds scheduled =
        with_jitter(settings.schedule[step], settings.jitter_percent, random);
    const milliseconds wait =
        std::min(kLongestWait, std::max(scheduled, verdict.retry_after.value_or(scheduled)));
    const core::SystemTime due_at = position.now + wait;
    if (is_past_max_age(settings, position.event_at, due_at)) return dead("max_age", failures);
    return {.state = storage::CalloutState::kPending,
            .reason = verdict.reason.empty() ? "retry" : verdict.reason,
            .due_at = due_at,
            .failures = failures};
}

}  // namespace

Decision decide(const Verdict& verdict, const storage::RetrySettings& settings,
                const RetryPosition& position, core::Random& random) {
    switch (verdict.outcome) {
        case storage::AttemptOutcome::kDelivered:
            return {.state = storage::CalloutState::kDelivered, .failures = position.failures};
        case storage::AttemptOutcome::kRetry:
        case storage::AttemptOutcome::kUnknownCrash:
            return retry(verdict, settings, position, random);
        case storage::AttemptOutcome::kRejected:
        case storage::AttemptOutcome::kGone:
        case storage::AttemptOutcome::kFailed:
            return dead(verdict.reason, position.failures + 1);
    }
    return dead("attempts_exhausted", position.failures + 1);
}

bool is_past_max_age(const storage::RetrySettings& settings, core::SystemTime event_at,
                     core::SystemTime now) {
    return settings.max_age && now - event_at > *settings.max_age;
}

}  // namespace herald::dispatcher
