#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/transport.h"

namespace herald::test {

/// A transport whose other side is a function; answers can be held back until the test releases
/// them.
///
/// Requests that are held when their io_context goes are never answered, as in a crash.
/// Thread-safety: none; one io_context at a time.
class ScriptedTransport final : public http::Transport {
public:
    using Handler = std::function<core::Result<http::Response>(const http::Request&)>;

    void answer_with(Handler handler) { handler_ = std::move(handler); }
    void hold() { held_ = true; }
    void release() {
        held_ = false;
        for (const auto& waiting : std::exchange(waiting_, {})) {
            if (const auto gate = waiting.lock()) gate->cancel();
        }
    }

    boost::asio::awaitable<core::Result<http::Response>> send(http::Request request) override {
        requests.push_back(request);
        if (held_) {
            const auto executor = co_await boost::asio::this_coro::executor;
            const auto gate = std::make_shared<boost::asio::steady_timer>(
                executor, boost::asio::steady_timer::time_point::max());
            waiting_.push_back(gate);
            boost::system::error_code ignored;
            co_await gate->async_wait(
                boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
        }
        if (is_shut_down_) {
            co_return core::Error{.kind = core::ErrorKind::kCancelled,
                                  .code = "http",
                                  .message = "the transport was shut down"};
        }
        co_return handler_(request);
    }
    void shut_down() override {
        is_shut_down_ = true;
        release();
    }

    std::vector<http::Request> requests;

private:
    std::vector<std::weak_ptr<boost::asio::steady_timer>> waiting_;
    Handler handler_ = [](const http::Request&) {
        return http::Response{.status = 200, .headers = {}, .body = {}};
    };
    bool held_ = false;
    bool is_shut_down_ = false;
};

inline http::Response respond(int status, std::string body = "", http::Headers headers = {}) {
    return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

inline core::Error transport_failure(std::string code, bool sent) {
    core::Error error{.kind = core::ErrorKind::kTransient,
                      .code = std::move(code),
                      .message = "scripted failure"};
    error.details["sent"] = sent;
    return error;
}

}  // namespace herald::test
