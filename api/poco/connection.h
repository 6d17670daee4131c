#pragma once

#include <Poco/Net/TCPServerConnection.h>

#include <atomic>
#include <chrono>
#include <functional>

#include "api/poco/socket_reader.h"
#include "api/request_head.h"
#include "api/router.h"
#include "core/clock.h"

namespace herald::api {

/// What all connections of one listener share; outlives them.
struct Listener {
    const Router& router;
    core::Clock& clock;
    std::chrono::milliseconds patience;
    bool health_only = false;
    std::atomic<bool> stopping{false};
    /// Whether others wait for a thread: then idle and slow connections are given up early (S-11).
    std::function<bool()> crowded = [] { return false; };
};

/// One client's requests, one after the other.
///
/// Poco's own HTTPServerConnection takes Content-Length beside Transfer-Encoding, folded lines and
/// bare LF (S-12, P13) and times each read instead of the request; so only its threads, sockets and
/// queue are used here.
class Connection final : public Poco::Net::TCPServerConnection {
public:
    Connection(const Poco::Net::StreamSocket& socket, Listener& listener);
    void run() override;

private:
    [[nodiscard]] core::SteadyTime deadline() const;
    /// Whether another request may follow.
    bool serve_one();
    bool refuse(const core::Error& error);
    core::Result<std::string> read_body(const RequestHead& head);
    ApiResponse answer(RequestHead head, std::string body) const;
    bool send(const ApiResponse& response, bool keep_alive);
    bool send_text(const std::string& text);

    Listener& listener_;
    SocketReader reader_;
    std::string actor_;
};

}  // namespace herald::api
