#include "api/handler_threads.h"

namespace herald::api {
namespace {

struct Plan {
    Work work;
    std::size_t threads;
    std::size_t limit;  ///< requests of this kind in hand, waiting ones too
};

constexpr std::array<Plan, 5> kPlans{{
    {Work::kInstant, 0, 8192},
    {Work::kIntake, 2, 8192},
    {Work::kRead, 4, 1024},
    {Work::kWrite, 4, 1024},
    {Work::kLong, 2, 16},
}};

}  // namespace

HandlerThreads::HandlerThreads(boost::asio::any_io_executor loop) : loop_(std::move(loop)) {
    for (const Plan& plan : kPlans) {
        Kind& own = kind(plan.work);
        own.limit = plan.limit;
        if (plan.threads > 0)
            own.threads = std::make_unique<boost::asio::thread_pool>(plan.threads);
    }
}

HandlerThreads::~HandlerThreads() {
    stop();
}

boost::asio::any_io_executor HandlerThreads::executor(Work work) {
    const Kind& own = kind(work);
    return own.threads ? boost::asio::any_io_executor(own.threads->get_executor()) : loop_;
}

bool HandlerThreads::enter(Work work) {
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
