#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace herald::dispatcher {

/// Messages to one worker from other threads, handed over in bunches: one wake-up per bunch, not
/// per message.
///
/// Thread-safety: `post` may be called concurrently; messages run on the executor, in the order
/// they were posted.
class Mailbox final : public std::enable_shared_from_this<Mailbox> {
public:
    explicit Mailbox(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    void post(std::function<void()> message);

private:
    void deliver();

    const boost::asio::any_io_executor executor_;
    std::mutex mutex_;
    std::vector<std::function<void()>> waiting_;  // guarded by mutex_
    std::vector<std::function<void()>> bunch_;    // worker only; keeps its storage
};

}  // namespace herald::dispatcher
