#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/clock.h"
#include "http/transport.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

namespace herald::simulation {

using Milliseconds = std::chrono::milliseconds;

/// What a server does with one request, decided when the request arrives.
struct Reply {
    Milliseconds after{1};
    core::Result<http::Response> answer = http::Response{.status = 200, .headers = {}, .body = {}};
    /// The server did what was asked for, whether or not the client hears of it.
    bool took_it = true;
};

/// At least one.
[[nodiscard]] inline Milliseconds up_to(test::SeededRandom& random, int milliseconds) {
    return Milliseconds(1 + static_cast<int>(random.below(static_cast<std::size_t>(milliseconds))));
}

[[nodiscard]] inline http::Response respond(int status, std::string body = {},
                                            http::Headers headers = {}) {
    return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}
/// Of the network: `sent` where a byte of the request may have arrived.
[[nodiscard]] core::Error failure(std::string code, bool sent);

/// Every other machine, by host name.
///
/// A request travels for a moment, is decided by its host's server, and its answer travels back; it
/// ends at its deadline at the latest, as with a transport. Outlives daemons that crash.
/// Thread-safety: none.
class Network final {
public:
    using Server = std::function<Reply(const http::Request&)>;
    /// Told when a request leaves the client, and when the client knows what became of it.
    struct Watcher {
        std::function<void(const http::Request&)> left = [](const http::Request&) {};
        std::function<void(const http::Request&, const core::Result<http::Response>&)> known =
            [](const http::Request&, const core::Result<http::Response>&) {};
    };

    Network(test::FakeClock& clock, test::SeededRandom& random) : clock_(clock), random_(random) {}
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    void serve(const std::string& host, Server server) { servers_[host] = std::move(server); }
    void watch(Watcher watcher) { watcher_ = std::move(watcher); }
    [[nodiscard]] std::unique_ptr<http::Transport> make_transport(
        boost::asio::any_io_executor executor);

private:
    class Transport;

    test::FakeClock& clock_;
    test::SeededRandom& random_;
    std::map<std::string, Server> servers_;
    Watcher watcher_;
};

}  // namespace herald::simulation
