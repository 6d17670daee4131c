#include "dispatcher/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace herald::dispatcher {

void RateLimit::refill(core::SteadyTime now) {
    const double elapsed =
        counted_at_ ? std::chrono::duration<double>(now - *counted_at_).count() : 0.0;
    permits_ = std::min(std::max(1.0, *per_second_ / 10.0), permits_ + elapsed * *per_second_);
    counted_at_ = now;
}

bool RateLimit::try_take(core::SteadyTime now) {
    if (!per_second_) return true;
    refill(now);
    if (permits_ < 1.0) return false;
    permits_ -= 1.0;
    return true;
}

core::SteadyTime RateLimit::next_at(core::SteadyTime now) {
    if (!per_second_) return now;
    refill(now);
    if (permits_ >= 1.0) return now;
    const double wait = (1.0 - permits_) / *per_second_ * 1e9;
    return now + std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil(wait)));
}

}  // namespace herald::dispatcher
