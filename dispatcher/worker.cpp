#include "dispatcher/worker.h"

#include <pthread.h>

#include <string>

namespace herald::dispatcher {

Worker::Worker(const SchedulerOptions& options, storage::CalloutQueue& queue,
               providers::TokenManager& tokens, core::Clock& clock, core::Random& random) {
    if (options.executor) {
        executor_ = *options.executor;
    } else {
        loop_ = std::make_unique<boost::asio::io_context>(1);
        guard_.emplace(loop_->get_executor());
        executor_ = loop_->get_executor();
    }
    transport_ = options.make_transport(executor_);
    mailbox_ = std::make_shared<Mailbox>(executor_);
    courier_ = std::make_unique<Courier>(
        [&queue](core::CalloutId id, core::NotificationId notification) {
            return queue.start_sending(id, notification);
        },
        *transport_, tokens, clock, random);
    recorder_ = std::make_unique<Recorder>(queue, mailbox_, clock, executor_, options.on_bug);
}

Worker::~Worker() {
    join();
}

void Worker::start(std::size_t number) {
    if (!loop_) return;
    thread_ = std::thread([this, number] {
        pthread_setname_np(pthread_self(), ("worker-" + std::to_string(number)).c_str());
        loop_->run();
    });
}

void Worker::join() {
    if (!loop_) return;
    guard_.reset();
    loop_->stop();
    if (thread_.joinable()) thread_.join();
}

}  // namespace herald::dispatcher
