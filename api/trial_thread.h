#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <mutex>
#include <set>
#include <thread>

#include "api/services.h"
#include "core/await.h"
#include "dispatcher/courier.h"
#include "http/transport.h"

namespace herald::api {

/// Sends the single callouts of `notification test`, each with a transport of its own; nothing is
/// stored.
///
/// Its event loop outlives every trial, because the token thread and the resolver may hold on to
/// the loop's executor for a moment after they have answered. The thread starts with the first
/// trial. Thread-safety: all methods may be called concurrently.
class TrialThread final {
public:
    TrialThread();
    ~TrialThread();
    TrialThread(const TrialThread&) = delete;
    TrialThread& operator=(const TrialThread&) = delete;

    /// Trials under way end soon, later ones at once: none waits for a receiver any more.
    void shut_down();
    /// Done when the attempt is over.
    void send(const Services& services, dispatcher::CompiledNotificationPtr notification,
              dispatcher::CalloutJob job, core::Done<dispatcher::AttemptResult> done);
    /// The loop's, which runs.
    [[nodiscard]] boost::asio::any_io_executor executor();

private:
    boost::asio::awaitable<dispatcher::AttemptResult> attempt_once(
        const Services* services, dispatcher::CompiledNotificationPtr notification,
        dispatcher::CalloutJob job);

    std::set<http::Transport*> transports_;  ///< on the loop's thread
    bool is_shut_down_ = false;              ///< the same
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_;
    std::once_flag started_;
    std::thread thread_;
};

}  // namespace herald::api
