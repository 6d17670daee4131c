#pragma once

#include <atomic>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <future>

#include "cli/io_thread.h"

namespace herald::cli {

/// SIGTERM and SIGINT ask the daemon to stop; the second one ends the process at once. SIGHUP calls
/// back.
///
/// Thread-safety: all methods may be called concurrently, `wait` by one thread. The callback runs
/// on a thread of its own.
class DaemonSignals final {
public:
    explicit DaemonSignals(std::function<void()> on_hangup);
    DaemonSignals(const DaemonSignals&) = delete;
    DaemonSignals& operator=(const DaemonSignals&) = delete;
    ~DaemonSignals();

    /// Returns once a stop was asked for; the word says by what.
    [[nodiscard]] std::string wait();
    void request_stop(std::string why);

private:
    void listen();
    void received(int signal);

    std::function<void()> on_hangup_;
    IoThread thread_;
    boost::asio::signal_set signals_;
    std::promise<std::string> stop_;
    std::atomic<bool> stopping_{false};
};

}  // namespace herald::cli
