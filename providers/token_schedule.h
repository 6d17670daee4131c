#pragma once

#include <chrono>
#include <optional>

#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"
#include "providers/settings.h"

namespace herald::providers {

/// When a token is refreshed ahead and when it is no longer sent, measured from the start of its
/// request (O-80).
struct TokenTimes {
    core::SteadyTime refresh_from;
    core::SteadyTime usable_until;
};

/// Lead = clamp(20 % of the lifetime, 30 s, 300 s) with +-10 % jitter, but 20 % where that would
/// eat half of a short lifetime; margin = min(30 s, 10 %). Both per provider where set. Pure.
[[nodiscard]] TokenTimes token_times(core::SteadyTime requested_at,
                                     std::chrono::milliseconds lifetime,
                                     const ProviderSettings& settings, core::Random& random);

/// When a grant that nobody uses is refreshed so that it lives on (O-83): every grant_refresh_s,
/// and ahead of the end that the server told, unless the last refresh did not move that end
/// (`end_is_fixed`). At least half a minute after `obtained_at`; empty: never. Pure.
[[nodiscard]] std::optional<core::SteadyTime> grant_refresh_at(
    core::SteadyTime obtained_at, std::optional<std::chrono::milliseconds> grant_lifetime,
    bool end_is_fixed, const ProviderSettings& settings, core::Random& random);

/// How long after the `failures`-th failure in a row nothing is asked automatically (O-97, O-99,
/// O-100): full jitter on 1 s doubling to 5 min, not before `retry_after`; `rejected_retry_s` where
/// a person must act. Pure.
[[nodiscard]] std::chrono::milliseconds wait_after_failure(const core::Error& error, int failures,
                                                           const ProviderSettings& settings,
                                                           core::Random& random);

}  // namespace herald::providers
