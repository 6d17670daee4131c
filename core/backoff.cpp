#include "core/backoff.h"

#include <algorithm>

namespace herald::core {

using std::chrono::milliseconds;

namespace {

constexpr int kMostDoublings = 30;  // of a second: more than thirty years

milliseconds times(milliseconds wait, double factor) {
    return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(wait.count()) * factor));
}

}  // namespace

milliseconds Backoff::after(int failures) const {
    const int doublings = std::clamp(failures - 1, 0, kMostDoublings);
    return std::min(longest, first * (milliseconds::rep{1} << doublings));
}

milliseconds jittered(milliseconds wait, double share, Random& random) {
    return times(wait, 1.0 - share + 2.0 * share * random.uniform());
}

milliseconds fully_jittered(milliseconds wait, Random& random) {
    return times(wait, random.uniform());
}

milliseconds not_before(milliseconds wait, std::optional<milliseconds> asked, milliseconds cap) {
    return asked ? std::max(wait, std::min(*asked, cap)) : wait;
}

}  // namespace herald::core
