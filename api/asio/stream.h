#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <string>
#include <string_view>

namespace herald::api {

/// The bytes of one connection: a socket now; TLS over one is another implementation.
///
/// Used on the loop's thread only. Errors: false, and the connection is over.
class Stream {
public:
    virtual ~Stream() = default;
    /// Appends what has arrived, after waiting for the first byte; false also where nothing more
    /// comes, or after `cancel`.
    [[nodiscard]] virtual boost::asio::awaitable<bool> read(std::string* into) = 0;
    /// REQUIRES: `text` lives until it returns.
    [[nodiscard]] virtual boost::asio::awaitable<bool> write(std::string_view text) = 0;
    /// Tells the client that nothing more comes.
    virtual void end_writing() = 0;
    /// Ends a `read` or `write` that waits.
    virtual void cancel() = 0;
};

/// A Unix or TCP socket.
[[nodiscard]] std::unique_ptr<Stream> make_socket_stream(
    boost::asio::generic::stream_protocol::socket socket);

}  // namespace herald::api
