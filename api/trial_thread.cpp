#include "api/trial_thread.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

namespace herald::api {
namespace asio = boost::asio;
using dispatcher::AttemptResult;

TrialThread::TrialThread() : keep_running_(asio::make_work_guard(context_)) {}

TrialThread::~TrialThread() {
    keep_running_.reset();
    context_.stop();
    if (thread_.joinable()) thread_.join();
}

asio::any_io_executor TrialThread::executor() {
    std::call_once(started_, [this] { thread_ = std::thread([this] { context_.run(); }); });
    return context_.get_executor();
}

void TrialThread::shut_down() {
    asio::post(context_, [this] {
        is_shut_down_ = true;
        for (http::Transport* transport : transports_) transport->shut_down();
    });
}

// The transport is made and destroyed on the loop's thread, as it demands.
asio::awaitable<AttemptResult> TrialThread::attempt_once(
    const Services* services, dispatcher::CompiledNotificationPtr notification,
    dispatcher::CalloutJob job) {
    const auto executor = co_await asio::this_coro::executor;
    const auto transport = services->make_transport(executor);
    if (is_shut_down_) transport->shut_down();
    transports_.insert(transport.get());
    // A trial is stored nowhere, so nothing has to be known of it after a crash.
    const auto start_at_once = [](core::CalloutId, core::NotificationId) {
        return storage::CalloutQueue::Sending::kMayStart;
    };
    dispatcher::Courier courier(start_at_once, *transport, services->tokens, services->clock,
                                services->random);
    dispatcher::RateLimit none;  // a trial is outside of its lane
    auto attempt = courier.attempt(std::move(notification), std::move(job), none);
    auto result = co_await std::move(attempt);
    transports_.erase(transport.get());
    co_return result;
}

void TrialThread::send(const Services& services, dispatcher::CompiledNotificationPtr notification,
                       dispatcher::CalloutJob job, core::Done<AttemptResult> done) {
    auto attempt = attempt_once(&services, std::move(notification), std::move(job));
    asio::co_spawn(executor(), std::move(attempt),
                   [done = std::move(done)](std::exception_ptr thrown, AttemptResult result) {
                       if (!thrown) return done(std::move(result));
                       done(core::Error{.kind = core::ErrorKind::kPermanent,
                                        .code = "internal_error",
                                        .message = "the test callout met an error inside herald"});
                   });
}

}  // namespace herald::api
