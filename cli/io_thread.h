#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <thread>

namespace herald::cli {

/// An io_context with one thread of its own, started when it is needed.
///
/// Thread-safety: `executor` only; start and stop by the owner.
class IoThread final {
public:
    IoThread() : work_(boost::asio::make_work_guard(context_)) {}
    IoThread(const IoThread&) = delete;
    IoThread& operator=(const IoThread&) = delete;
    ~IoThread() { stop(); }

    [[nodiscard]] boost::asio::any_io_executor executor() { return context_.get_executor(); }
    void start();
    /// Runs `task` on the thread and waits for it; on the caller's where it never started.
    void run_and_wait(const std::function<void()>& task);
    /// Drops what is left to do. Idempotent.
    void stop();

private:
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::jthread thread_;
};

}  // namespace herald::cli
