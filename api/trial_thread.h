#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <mutex>
#include <thread>

#include "api/services.h"
#include "dispatcher/courier.h"

namespace herald::api {

/// Sends the single callouts of `notification test`, each with a transport of its own; nothing is
/// stored.
///
/// Its event loop outlives every trial, because the token thread and the resolver may hold on to
/// the loop's executor for a moment after they have answered. The thread starts with the first
/// trial. Thread-safety: `send` may be called concurrently; it blocks until the attempt is over.
class TrialThread final {
public:
    TrialThread();
    ~TrialThread();
    TrialThread(const TrialThread&) = delete;
    TrialThread& operator=(const TrialThread&) = delete;

    [[nodiscard]] dispatcher::AttemptResult send(const Services& services,
                                                 dispatcher::CompiledNotificationPtr notification,
                                                 dispatcher::CalloutJob job);

private:
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_;
    std::once_flag started_;
    std::thread thread_;
};

}  // namespace herald::api
