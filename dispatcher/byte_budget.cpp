#include "dispatcher/byte_budget.h"

#include <algorithm>

namespace herald::dispatcher {
namespace {

// Of smaller events the number in memory is what bounds the memory.
constexpr std::size_t kSmall = 4UL * 1024;

}  // namespace

bool ByteBudget::try_take(std::size_t bytes) {
    std::size_t used = used_.load();
    do {
        if (bytes > limit_ || used > limit_ - bytes) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes));
    return true;
}

std::size_t ByteBudget::left() const {
    const std::size_t used = used_.load();
    return used < limit_ ? limit_ - used : 0;
}

std::size_t LaneBytes::cost_of(std::size_t event_bytes) {
    return event_bytes <= kSmall ? event_bytes : 2 * event_bytes;
}

bool LaneBytes::try_take(std::size_t bytes) {
    const std::size_t before = held_.fetch_add(bytes);
    const bool is_little = before == 0 || before + bytes <= kAlways;
    if (is_little) {
        all_->take(bytes);
        return true;
    }
    if (before + bytes <= kMost && all_->try_take(bytes)) return true;
    held_.fetch_sub(bytes);
    return false;
}

void LaneBytes::take(std::size_t bytes) {
    held_.fetch_add(bytes);
    all_->take(bytes);
}

void LaneBytes::give_back(std::size_t bytes) {
    held_.fetch_sub(bytes);
    all_->give_back(bytes);
}

std::size_t LaneBytes::claim_room() const {
    const std::size_t held = held_.load();
    const std::size_t own = held < kMost ? kMost - held : 0;
    const std::size_t fair = std::min(own, all_->left());
    // Each may cost twice its size, and the last one may be of any size.
    const std::size_t room = fair > kLargest ? (fair - kLargest) / 2 : 0;
    return held < kAlways ? std::max(room, kAlways - held) : room;
}

}  // namespace herald::dispatcher
