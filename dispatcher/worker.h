#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <thread>

#include "dispatcher/courier.h"
#include "dispatcher/mailbox.h"
#include "dispatcher/recorder.h"
#include "dispatcher/scheduler.h"

namespace herald::dispatcher {

/// One event loop with a transport, a courier and a recorder of its own; nothing on the hot path is
/// shared.
///
/// Lifetime: `join` before destruction where it has a thread of its own.
class Worker final {
public:
    Worker(const SchedulerOptions& options, storage::CalloutQueue& queue,
           providers::TokenManager& tokens, core::Clock& clock, core::Random& random);
    ~Worker();

    void start(std::size_t number);
    /// Ends the loop whatever it is doing, and waits for the thread.
    void join();

    [[nodiscard]] boost::asio::any_io_executor executor() const { return executor_; }
    [[nodiscard]] Courier& courier() { return *courier_; }
    [[nodiscard]] Recorder& recorder() { return *recorder_; }
    [[nodiscard]] Mailbox& mailbox() { return *mailbox_; }

private:
    std::unique_ptr<boost::asio::io_context> loop_;  ///< null where the executor is the caller's
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guard_;
    boost::asio::any_io_executor executor_;
    std::unique_ptr<http::Transport> transport_;
    std::shared_ptr<Mailbox> mailbox_;
    std::unique_ptr<Courier> courier_;
    std::unique_ptr<Recorder> recorder_;
    std::thread thread_;
};

}  // namespace herald::dispatcher
