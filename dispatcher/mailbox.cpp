#include "dispatcher/mailbox.h"

#include <boost/asio/post.hpp>

namespace herald::dispatcher {

void Mailbox::post(std::function<void()> message) {
    bool first = false;
    {
        const std::scoped_lock lock(mutex_);
        first = waiting_.empty();
        waiting_.push_back(std::move(message));
    }
    if (first) boost::asio::post(executor_, [self = shared_from_this()] { self->deliver(); });
}

void Mailbox::deliver() {
    {
        const std::scoped_lock lock(mutex_);
        bunch_.swap(waiting_);
    }
    for (const auto& message : bunch_) message();
    bunch_.clear();
}

}  // namespace herald::dispatcher
