#pragma once

#include <algorithm>

namespace herald::dispatcher {

/// How a lane starts again after it was held: with a few attempts, and one more for each that ended
/// well, so that a receiver or provider that has just come back is not overrun (O-108, R-12).
class Ramp final {
public:
    static constexpr int kFirst = 8;

    void begin() { limit_ = kFirst; }
    /// An attempt met a receiver that works.
    void went_well() {
        if (limit_ < kUnlimited) ++limit_;
    }
    /// How much of `window` may be used.
    [[nodiscard]] int of(int window) const { return std::min(window, limit_); }

private:
    static constexpr int kUnlimited = 1 << 20;
    int limit_ = kUnlimited;
};

}  // namespace herald::dispatcher
