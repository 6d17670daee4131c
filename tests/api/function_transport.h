#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "http/transport.h"

namespace herald::test {

/// The other side of a transport as a function.
using Endpoint = std::function<core::Result<http::Response>(const http::Request&)>;

/// Keeps what was sent in `requests` and answers at once. Both are borrowed: the test reads and
/// changes them between calls.
class FunctionTransport final : public http::Transport {
public:
    FunctionTransport(const Endpoint& endpoint, std::vector<http::Request>& requests)
        : endpoint_(endpoint), requests_(requests) {}

    boost::asio::awaitable<core::Result<http::Response>> send(http::Request request) override {
        requests_.push_back(request);
        co_return endpoint_(request);
    }
    void shut_down() override {}

private:
    const Endpoint& endpoint_;
    std::vector<http::Request>& requests_;
};

inline http::Response respond(int status, std::string body = {}, http::Headers headers = {}) {
    http::Response response;
    response.status = status;
    response.body = std::move(body);
    response.headers = std::move(headers);
    return response;
}

inline http::Response respond_json(int status, std::string body) {
    http::Headers headers;
    headers.add("Content-Type", "application/json");
    return respond(status, std::move(body), std::move(headers));
}

}  // namespace herald::test
