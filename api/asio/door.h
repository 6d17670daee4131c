#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "api/asio/connection.h"
#include "core/error.h"

namespace herald::api {

/// One listening socket and the connections that came in by it.
///
/// Threads: `open` and `begin` before the loop runs, everything else on the loop. Lifetime: ended
/// when `close` has called back; the loop runs until then.
class Door {
public:
    Door(boost::asio::io_context& loop, Listener listener);
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;
    virtual ~Door() = default;

    void begin();
    /// Takes nobody in any more, ends those that wait for their clients, and calls back when the
    /// last one has been served.
    void close(std::function<void()> closed);

protected:
    using Socket = boost::asio::generic::stream_protocol::socket;
    struct Guest {
        Socket socket;
        Peer peer;
    };

    /// The next client. An error: it could not be taken in.
    virtual boost::asio::awaitable<core::Result<Guest>> next() = 0;
    virtual void stop_listening() = 0;
    boost::asio::io_context& loop() { return loop_; }

private:
    boost::asio::awaitable<void> take_in();
    boost::asio::awaitable<void> wait_a_moment();
    void welcome(Guest guest);
    boost::asio::awaitable<void> host(std::shared_ptr<Connection> connection, bool admitted);
    void watch();
    void leave();

    boost::asio::io_context& loop_;
    Listener listener_;
    std::unique_ptr<core::Timer> watch_;
    std::size_t inside_ = 0;  ///< coroutines
    std::function<void()> closed_;
};

/// On a Unix socket whose file only its owner may use.
[[nodiscard]] core::Result<std::unique_ptr<Door>> open_socket_door(
    boost::asio::io_context& loop, Listener listener, const std::filesystem::path& path);

/// On ADDR:PORT.
[[nodiscard]] core::Result<std::unique_ptr<Door>> open_tcp_door(
    boost::asio::io_context& loop, Listener listener,
    const boost::asio::ip::tcp::endpoint& endpoint, std::uint16_t& port);

[[nodiscard]] core::Result<boost::asio::ip::tcp::endpoint> parse_listen(const std::string& text);

}  // namespace herald::api
