#include "http/beast/connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

namespace herald::http {
namespace {

namespace asio = boost::asio;

// The socket may be silent while a whole record waits inside OpenSSL. Peeking takes tickets and the
// like out.
bool has_tls_data(SSL* tls) {
    char byte = 0;
    const int peeked = SSL_peek(tls, &byte, 1);
    const bool is_waiting = peeked <= 0 && SSL_get_error(tls, peeked) == SSL_ERROR_WANT_READ;
    ERR_clear_error();
    return !is_waiting;
}

}  // namespace

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

bool Connection::is_quiet() {
    if (buffer_.size() != 0) return false;
    if (tls_ && has_tls_data(tls_->native_handle())) return false;
    char byte = 0;
    const auto peeked = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return peeked < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace herald::http
