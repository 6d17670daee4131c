#include "cli/io_thread.h"

#include <boost/asio/post.hpp>

#include "core/await.h"

namespace herald::cli {

void IoThread::start() {
    if (!thread_.joinable()) thread_ = std::jthread([this] { context_.run(); });
}

void IoThread::run_and_wait(const std::function<void()>& task) {
    if (!thread_.joinable()) {
        task();
        return;
    }
    core::wait_called<void>([&](auto done) {
        boost::asio::post(context_, [&task, done] {
            task();
            done();
        });
    });
}

void IoThread::stop() {
    work_.reset();
    context_.stop();
    if (thread_.joinable()) thread_.join();
}

}  // namespace herald::cli
