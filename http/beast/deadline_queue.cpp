#include "http/beast/deadline_queue.h"

namespace herald::http {

DeadlineQueue::Entry::Entry(DeadlineQueue& queue, core::SteadyTime at, Interruptible& what)
    : queue_(queue), what_(what), place_(queue.entries_.emplace(at, this)) {
    queue_.arm(at);
}

DeadlineQueue::Entry::~Entry() {
    queue_.forget(*this);
}

void DeadlineQueue::Entry::move_to(core::SteadyTime at) {
    if (place_->first == at) return;
    auto node = queue_.entries_.extract(place_);
    node.key() = at;
    place_ = queue_.entries_.insert(std::move(node));
    queue_.arm(at);
}

DeadlineQueue::DeadlineQueue(core::Clock& clock, const boost::asio::any_io_executor& executor)
    : clock_(clock), timer_(clock.make_timer(executor)) {}

void DeadlineQueue::shut_down() {
    is_shut_down_ = true;
    for (const auto& [at, entry] : entries_) entry->what_.interrupt(Reason::kShutdown);
}

void DeadlineQueue::arm(core::SteadyTime at) {
    if (armed_at_ && *armed_at_ <= at) return;
    armed_at_ = at;
    timer_->expires_at(at);
    timer_->on_expiry([weak = weak_from_this()](bool fired) {
        const auto self = weak.lock();
        if (self && fired) self->on_timer();
    });
}

void DeadlineQueue::on_timer() {
    armed_at_.reset();
    const auto now = clock_.steady_now();
    // An interrupted entry stays until its owner, who runs later, takes it out.
    for (const auto& [at, entry] : entries_) {
        if (at > now) break;
        entry->what_.interrupt(Reason::kOutOfTime);
    }
    const auto next = entries_.upper_bound(now);
    if (next != entries_.end()) arm(next->first);
}

void DeadlineQueue::forget(const Entry& entry) {
    entries_.erase(entry.place_);
    if (!entries_.empty() || !armed_at_) return;
    armed_at_.reset();
    timer_->cancel();
}

}  // namespace herald::http
