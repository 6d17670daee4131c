#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"

namespace herald::http {

/// One TCP connection, with TLS on it or without, and the bytes read ahead from it.
class Connection final {
public:
    using Socket = boost::asio::ip::tcp::socket;
    using Tls = boost::asio::ssl::stream<Socket&>;

    explicit Connection(const boost::asio::any_io_executor& executor) : socket_(executor) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] Socket& socket() { return socket_; }
    [[nodiscard]] boost::beast::flat_buffer& buffer() { return buffer_; }
    Tls& start_tls(std::shared_ptr<boost::asio::ssl::context> context);
    [[nodiscard]] bool has_tls() const { return tls_.has_value(); }
    /// Ends whatever is awaited on it.
    void close() noexcept;

    /// Writes what the kernel takes at once, without suspending; 0 with `would_block` where that is
    /// nothing. REQUIRES: no TLS.
    [[nodiscard]] std::size_t write_now(boost::asio::const_buffer bytes,
                                        boost::system::error_code& ec);
    /// `ec` must outlive the wait.
    [[nodiscard]] boost::asio::awaitable<std::size_t> write_some(boost::asio::const_buffer bytes,
                                                                 boost::system::error_code& ec);
    [[nodiscard]] boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer room,
                                                                boost::system::error_code& ec);

    /// What the peer did while nobody was reading.
    enum class Seen {
        kNothing,  ///< the connection is fit for a request
        kBytes,    ///< an answer, or something else that nobody asked for
        kEnd,      ///< it closed, or broke
    };
    /// Does not wait. REQUIRES: the socket is non-blocking, nothing is awaited. Afterwards the
    /// connection is of use only if that is nothing.
    [[nodiscard]] Seen look();

    std::string key;  ///< the pool's; origin and TLS identity; stays as it is once TLS began
    bool reaches_loopback_only = false;
    core::SteadyTime idle_since{};

private:
    Socket socket_;
    std::shared_ptr<boost::asio::ssl::context>
        context_;  // shared with every connection of its identity
    std::optional<Tls> tls_;
    boost::beast::flat_buffer buffer_;
};

}  // namespace herald::http
