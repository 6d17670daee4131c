#include "cli/daemon_signals.h"

#include <csignal>
#include <cstdlib>

namespace herald::cli {

DaemonSignals::DaemonSignals(std::function<void()> on_hangup)
    : on_hangup_(std::move(on_hangup)), signals_(thread_.executor(), SIGTERM, SIGINT, SIGHUP) {
    listen();
    thread_.start();
}

DaemonSignals::~DaemonSignals() {
    thread_.stop();
}

std::string DaemonSignals::wait() {
    return stop_.get_future().get();
}

void DaemonSignals::request_stop(std::string why) {
    if (!stopping_.exchange(true)) stop_.set_value(std::move(why));
}

void DaemonSignals::listen() {
    signals_.async_wait([this](boost::system::error_code failure, int signal) {
        if (failure) return;
        received(signal);
        listen();
    });
}

void DaemonSignals::received(int signal) {
    if (signal == SIGHUP) {
        on_hangup_();
        return;
    }
    // Asked twice, a person does not want to wait; the database is safe at any moment.
    if (stopping_.load()) std::_Exit(128 + signal);
    request_stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
}

}  // namespace herald::cli
