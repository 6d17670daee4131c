#pragma once

#include <chrono>
#include <optional>

#include "core/random.h"

/// How long to wait before something that failed is tried again. Pure: of the number of failures,
/// of chance, and of what the other side asks for.
namespace herald::core {

/// The wait after one failure, doubled with each further one in a row.
struct Backoff {
    std::chrono::milliseconds first;
    std::chrono::milliseconds longest;

    /// REQUIRES: failures >= 1.
    [[nodiscard]] std::chrono::milliseconds after(int failures) const;
};

/// `wait`, longer or shorter by up to `share` of it, so that what failed together does not come
/// back together.
[[nodiscard]] std::chrono::milliseconds jittered(std::chrono::milliseconds wait, double share,
                                                 Random& random);
/// Anything from nothing to `wait`: for many who must not meet at all.
[[nodiscard]] std::chrono::milliseconds fully_jittered(std::chrono::milliseconds wait,
                                                       Random& random);
/// `wait`, or longer where the other side asked for it (Retry-After); of that at most `cap`.
[[nodiscard]] std::chrono::milliseconds not_before(
    std::chrono::milliseconds wait, std::optional<std::chrono::milliseconds> asked,
    std::chrono::milliseconds cap = std::chrono::milliseconds::max());

}  // namespace herald::core
