#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <mutex>
#include <thread>

#include "api/services.h"
#include "core/await.h"
#include "dispatcher/courier.h"

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

    /// Done when the attempt is over.
    void send(const Services& services, dispatcher::CompiledNotificationPtr notification,
              dispatcher::CalloutJob job, core::Done<dispatcher::AttemptResult> done);
    /// The loop's, which runs.
    [[nodiscard]] boost::asio::any_io_executor executor();

private:
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_;
    std::once_flag started_;
    std::thread thread_;
};

}  // namespace herald::api
