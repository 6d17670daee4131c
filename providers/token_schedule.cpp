#include "providers/token_schedule.h"

#include <algorithm>

namespace herald::providers {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kMinLead{30'000};
constexpr milliseconds kMaxLead{300'000};
constexpr milliseconds kMaxMargin{30'000};
constexpr milliseconds kFirstWait{1'000};
constexpr milliseconds kLongestWait{300'000};
constexpr milliseconds kShortestWait{100};

milliseconds part(milliseconds whole, double share) {
    return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(whole.count()) * share));
}

}  // namespace

TokenTimes token_times(core::SteadyTime requested_at, milliseconds lifetime,
                       const ProviderSettings& settings, core::Random& random) {
    milliseconds lead = std::clamp(part(lifetime, 0.2), kMinLead, kMaxLead);
    if (settings.refresh_lead_s) lead = *settings.refresh_lead_s;
    if (lead > lifetime / 2) lead = part(lifetime, 0.2);
    lead = part(lead, 0.9 + 0.2 * random.uniform());
    milliseconds margin = std::min(kMaxMargin, part(lifetime, 0.1));
    if (settings.expiry_margin_s)
        margin = std::min<milliseconds>(*settings.expiry_margin_s, lifetime / 2);
    return {.refresh_from = requested_at + lifetime - std::max(lead, margin),
            .usable_until = requested_at + lifetime - margin};
}

milliseconds wait_after_failure(const core::Error& error, int failures,
                                const ProviderSettings& settings, core::Random& random) {
    const milliseconds asked = error.retry_after.value_or(milliseconds(0));
    if (error.kind == core::ErrorKind::kUnauthorized || error.kind == core::ErrorKind::kPermanent) {
        return std::max<milliseconds>(settings.rejected_retry_s, asked);
    }
    const int doublings = std::clamp(failures - 1, 0, 16);
    const milliseconds ceiling =
        std::min(kLongestWait, milliseconds(kFirstWait.count() << doublings));
    return std::max({part(ceiling, random.uniform()), kShortestWait, asked});
}

}  // namespace herald::providers
