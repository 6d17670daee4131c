#include "providers/token_schedule.h"

#include <algorithm>

#include "core/backoff.h"

namespace herald::providers {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kMinLead{30'000};
constexpr milliseconds kMaxLead{300'000};
constexpr milliseconds kMaxMargin{30'000};
constexpr core::Backoff kAfterFailure{.first = milliseconds(1'000),
                                      .longest = milliseconds(300'000)};
constexpr milliseconds kShortestWait{100};
constexpr milliseconds kShortestGrantWait{30'000};

milliseconds part(milliseconds whole, double share) {
    return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(whole.count()) * share));
}

}  // namespace

TokenTimes token_times(core::SteadyTime requested_at, milliseconds lifetime,
                       const ProviderSettings& settings, core::Random& random) {
    milliseconds lead = std::clamp(part(lifetime, 0.2), kMinLead, kMaxLead);
    if (settings.refresh_lead_s) lead = *settings.refresh_lead_s;
    if (lead > lifetime / 2) lead = part(lifetime, 0.2);
    lead = core::jittered(lead, 0.1, random);
    milliseconds margin = std::min(kMaxMargin, part(lifetime, 0.1));
    if (settings.expiry_margin_s)
        margin = std::min<milliseconds>(*settings.expiry_margin_s, lifetime / 2);
    return {.refresh_from = requested_at + lifetime - std::max(lead, margin),
            .usable_until = requested_at + lifetime - margin};
}

std::optional<core::SteadyTime> grant_refresh_at(core::SteadyTime obtained_at,
                                                 std::optional<milliseconds> grant_lifetime,
                                                 bool end_is_fixed,
                                                 const ProviderSettings& settings,
                                                 core::Random& random) {
    if (settings.grant_refresh_s.count() == 0) return std::nullopt;
    milliseconds wait = core::jittered(settings.grant_refresh_s, 0.05, random);
    if (grant_lifetime) {
        const milliseconds lead = std::clamp(part(*grant_lifetime, 0.2), kMinLead, kMaxLead);
        const milliseconds ahead = *grant_lifetime - core::jittered(lead, 0.1, random);
        if (end_is_fixed && wait > ahead) return std::nullopt;
        wait = std::min(wait, ahead);
    }
    return obtained_at + std::max(wait, kShortestGrantWait);
}

milliseconds wait_after_failure(const core::Error& error, int failures,
                                const ProviderSettings& settings, core::Random& random) {
    if (error.kind == core::ErrorKind::kUnauthorized || error.kind == core::ErrorKind::kPermanent)
        return core::not_before(settings.rejected_retry_s, error.retry_after);
    const milliseconds wait = core::fully_jittered(kAfterFailure.after(failures), random);
    return core::not_before(std::max(wait, kShortestWait), error.retry_after);
}

}  // namespace herald::providers
