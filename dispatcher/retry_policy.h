#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/random.h"
#include "dispatcher/verdict.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// A callout's next state.
struct Decision {
    storage::CalloutState state = storage::CalloutState::kPending;
    std::optional<std::string> reason = std::nullopt;
    std::optional<core::StoredTime> due_at = std::nullopt;
    int failures = 0;
};

/// Where a callout stands when an attempt ends.
struct RetryPosition {
    int failures = 0;  ///< before this attempt
    core::StoredTime event_at;
    core::StoredTime now;
};

/// Pure, randomness included. The next try is the later of schedule (with its jitter) and
/// `retry_after`, at most 24 h away; a spent schedule ends the callout as `attempts_exhausted`, a
/// next try beyond the max age as `max_age`.
[[nodiscard]] Decision decide(const Verdict& verdict, const storage::RetrySettings& settings,
                              const RetryPosition& position, core::Random& random);

/// Whether a callout of an event from `event_at` may not be tried any more, parked or not.
[[nodiscard]] bool is_past_max_age(const storage::RetrySettings& settings,
                                   core::StoredTime event_at, core::StoredTime now);

/// 5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h.
[[nodiscard]] storage::RetrySettings default_retry();
/// `default`, `none`, or `schedule=5s,5m;max-age=24h;jitter=10%;reject=4xx` (also `reject-4xx`;
/// reject=400,422), parts in any order, each at most once; without `none` or `schedule` the
/// schedule is the default one.
[[nodiscard]] core::Result<storage::RetrySettings> parse_retry(std::string_view text);
/// At most 100 steps of 1 s to 24 h, none for no retry at all; max age 1 s to 90 days; jitter 0 to
/// 50 %; reject takes `4xx` and 400 to 499.
[[nodiscard]] core::Result<> validate_retry(const storage::RetrySettings& settings);

}  // namespace herald::dispatcher
