#include "dispatcher/retry_policy.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/backoff.h"

namespace herald::dispatcher {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait = std::chrono::hours(24);

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
        core::jittered(settings.schedule[step], settings.jitter_percent / 100.0, random);
    const milliseconds wait =
        std::min(kLongestWait, core::not_before(scheduled, verdict.retry_after));
    const core::StoredTime due_at = position.now + wait;
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

bool is_past_max_age(const storage::RetrySettings& settings, core::StoredTime event_at,
                     core::StoredTime now) {
    return settings.max_age && now - event_at > *settings.max_age;
}

}  // namespace herald::dispatcher
