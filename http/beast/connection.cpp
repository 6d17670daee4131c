#include "http/beast/connection.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

namespace herald::http {
namespace {

namespace asio = boost::asio;

}  // namespace

// Without this OpenSSL takes the session for broken and never resumes it.
Connection::~Connection() {
    if (tls_) SSL_set_shutdown(tls_->native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

Connection::Tls& Connection::start_tls(std::shared_ptr<asio::ssl::context> context) {
    context_ = std::move(context);
    return tls_.emplace(socket_, *context_);
}

void Connection::close() noexcept {
    boost::system::error_code ignored;
    socket_.close(ignored);
}

std::size_t Connection::write_now(asio::const_buffer bytes, boost::system::error_code& ec) {
    return socket_.write_some(bytes, ec);
}

asio::awaitable<std::size_t> Connection::write_some(asio::const_buffer bytes,
                                                    boost::system::error_code& ec) {
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    return tls_ ? tls_->async_write_some(bytes, token) : socket_.async_write_some(bytes, token);
}

asio::awaitable<std::size_t> Connection::read_some(asio::mutable_buffer room,
                                                   boost::system::error_code& ec) {
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    return tls_ ? tls_->async_read_some(room, token) : socket_.async_read_some(room, token);
}

// Reading TLS takes tickets and the like out, which are no answer.
Connection::Seen Connection::look() {
    if (buffer_.size() != 0) return Seen::kBytes;
    char byte = 0;
    boost::system::error_code ec;
    std::size_t count = 0;
    if (tls_) {
        count = tls_->read_some(asio::buffer(&byte, 1), ec);
    } else {
        const auto peeked = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (peeked < 0) ec.assign(errno, boost::system::system_category());
        count = peeked > 0 ? 1 : 0;
    }
    if (count > 0) return Seen::kBytes;
    return ec == asio::error::would_block ? Seen::kNothing : Seen::kEnd;
}

}  // namespace herald::http
