#include "core/clock.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>

namespace herald::core {
namespace {

class AsioTimer final : public Timer {
public:
    explicit AsioTimer(boost::asio::any_io_executor executor) : timer_(std::move(executor)) {}

    void expires_at(SteadyTime at) override { timer_.expires_at(at); }
    void cancel() override { timer_.cancel(); }

    boost::asio::awaitable<void> wait() override {
        boost::system::error_code ignored;
        co_await timer_.async_wait(
            boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }

    void on_expiry(std::function<void(bool)> fired) override {
        timer_.async_wait([fired = std::move(fired)](boost::system::error_code ec) { fired(!ec); });
    }

private:
    boost::asio::steady_timer timer_;
};

}  // namespace

SystemTime SystemClock::system_now() const {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::steady_now() const {
    return std::chrono::steady_clock::now();
}

std::unique_ptr<Timer> SystemClock::make_timer(boost::asio::any_io_executor executor) {
    return std::make_unique<AsioTimer>(std::move(executor));
}

}  // namespace herald::core
