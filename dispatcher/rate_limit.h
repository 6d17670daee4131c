#pragma once

#include <optional>

#include "core/clock.h"

namespace herald::dispatcher {

/// A token bucket: `per_second` on average, a tenth of a second's worth at once. Pure but for its
/// own count.
class RateLimit final {
public:
    /// Without a rate everything is allowed.
    explicit RateLimit(std::optional<double> per_second = std::nullopt) : per_second_(per_second) {}

    /// Takes one permit, if there is one at `now`.
    [[nodiscard]] bool try_take(core::SteadyTime now);
    /// One that was taken, and nothing left for it.
    void give_back() { permits_ += 1.0; }
    /// When there will be one again; `now` or earlier where there is one.
    [[nodiscard]] core::SteadyTime next_at(core::SteadyTime now);
    [[nodiscard]] std::optional<double> per_second() const { return per_second_; }

private:
    void refill(core::SteadyTime now);

    std::optional<double> per_second_;
    double permits_ = 1.0;
    std::optional<core::SteadyTime> counted_at_;
};

}  // namespace herald::dispatcher
