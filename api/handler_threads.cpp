#include "api/handler_threads.h"

#include <sys/resource.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>
#include <vector>

namespace herald::api {
namespace {

/// Whoever lists or backs up can wait: on a busy machine callouts and acknowledgements go first.
constexpr int kBehindDeliveries = 19;

struct Plan {
    Work work;
    std::size_t threads;
    std::size_t limit;  ///< requests of this kind in hand, waiting ones too
    int nice = 0;
};

constexpr std::array<Plan, 6> kPlans{{
    {Work::kInstant, 0, 8192},
    {Work::kIntake, 2, 8192},
    {Work::kRead, 4, 1024, kBehindDeliveries},
    {Work::kWrite, 4, 1024},
    {Work::kLong, 2, 256, kBehindDeliveries},
    {Work::kMetrics, 1, 16, kBehindDeliveries},
}};

}  // namespace

class HandlerThreads::Pool final {
public:
    explicit Pool(const Plan& plan) {
        for (std::size_t i = 0; i < plan.threads; ++i) {
            threads_.emplace_back([this, nice = plan.nice] {
                // Of this thread alone, on Linux. Refused it changes only who goes first.
                if (nice != 0) static_cast<void>(::setpriority(PRIO_PROCESS, 0, nice));
                loop_.run();
            });
        }
    }
    [[nodiscard]] auto executor() { return loop_.get_executor(); }
    void stop() { loop_.stop(); }
    void join() {
        for (std::thread& thread : threads_) {
            if (thread.joinable()) thread.join();
        }
    }

private:
    boost::asio::io_context loop_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        loop_.get_executor()};
    std::vector<std::thread> threads_;
};

HandlerThreads::HandlerThreads(boost::asio::any_io_executor loop) : loop_(std::move(loop)) {
    for (const Plan& plan : kPlans) {
        Kind& own = kind(plan.work);
        own.limit = plan.limit;
        if (plan.threads > 0) own.threads = std::make_unique<Pool>(plan);
    }
}

HandlerThreads::~HandlerThreads() {
    stop();
}

boost::asio::any_io_executor HandlerThreads::executor(Work work) {
    const Kind& own = kind(work);
    return own.threads ? boost::asio::any_io_executor(own.threads->executor()) : loop_;
}

bool HandlerThreads::try_enter(Work work) {
    Kind& own = kind(work);
    if (own.inside.fetch_add(1) < own.limit) return true;
    own.inside.fetch_sub(1);
    return false;
}

void HandlerThreads::leave(Work work) {
    kind(work).inside.fetch_sub(1);
}

void HandlerThreads::stop() {
    for (Kind& own : kinds_) {
        if (own.threads) own.threads->stop();
    }
    for (Kind& own : kinds_) {
        if (own.threads) own.threads->join();
    }
}

}  // namespace herald::api
