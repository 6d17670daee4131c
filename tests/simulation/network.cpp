#include "tests/simulation/network.h"

#include <boost/asio/this_coro.hpp>
#include <utility>

namespace herald::simulation {

namespace asio = boost::asio;

core::Error failure(std::string code, bool sent) {
    core::Error error{.kind = core::ErrorKind::kTransient,
                      .code = std::move(code),
                      .message = "simulated failure"};
    error.details["sent"] = sent;
    return error;
}

class Network::Transport final : public http::Transport {
public:
    Transport(Network& network, asio::any_io_executor executor)
        : network_(network), executor_(std::move(executor)) {}

    asio::awaitable<core::Result<http::Response>> send(http::Request request) override {
        if (is_shut_down_) co_return cancelled();
        Network& network = network_;
        network.watcher_.left(request);
        const auto timer = network.clock_.make_timer(executor_);
        waiting_.insert(timer.get());
        const Milliseconds way_there(1 + static_cast<int>(network.random_.below(5)));
        auto travelling = wait(timer.get(), request.deadline, way_there);
        core::Result<http::Response> answer = failure("timeout", false);
        if (co_await std::move(travelling)) {
            auto asking = ask(timer.get(), &request);
            answer = co_await std::move(asking);
        }
        waiting_.erase(timer.get());
        if (is_shut_down_) answer = cancelled();
        network.watcher_.known(request, answer);
        co_return answer;
    }

    void shut_down() override {
        is_shut_down_ = true;
        for (core::Timer* timer : waiting_) timer->cancel();
    }

private:
    asio::awaitable<core::Result<http::Response>> ask(core::Timer* timer,
                                                      const http::Request* request) {
        const auto server = network_.servers_.find(request->url.host);
        if (server == network_.servers_.end()) co_return failure("dns", false);
        Reply reply = server->second(*request);
        auto waiting = wait(timer, request->deadline, reply.after);
        if (!co_await std::move(waiting)) co_return failure("timeout", true);
        co_return std::move(reply.answer);
    }

    /// False where the deadline comes first.
    asio::awaitable<bool> wait(core::Timer* timer, core::SteadyTime deadline, Milliseconds span) {
        const core::SteadyTime end = network_.clock_.steady_now() + span;
        timer->expires_at(std::min(deadline, end));
        co_await timer->wait();
        co_return !is_shut_down_ && end <= deadline;
    }

    static core::Error cancelled() {
        return {.kind = core::ErrorKind::kCancelled,
                .code = "http",
                .message = "the transport was shut down"};
    }

    Network& network_;
    asio::any_io_executor executor_;
    std::set<core::Timer*> waiting_;
    bool is_shut_down_ = false;
};

std::unique_ptr<http::Transport> Network::make_transport(asio::any_io_executor executor) {
    return std::make_unique<Transport>(*this, std::move(executor));
}

}  // namespace herald::simulation
