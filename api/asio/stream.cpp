#include "api/asio/stream.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <vector>

namespace herald::api {
namespace {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;

class SocketStream final : public Stream {
public:
    explicit SocketStream(Socket socket) : socket_(std::move(socket)) {
        boost::system::error_code ignored;  // where it fails, the first read does too
        socket_.non_blocking(true, ignored);
    }

    asio::awaitable<bool> read(std::string* into) override {
        boost::system::error_code failure;
        while (true) {
            if (read_now(*into, failure)) co_return true;
            if (failure != asio::error::would_block && failure != asio::error::try_again)
                co_return false;
            failure = {};
            auto readable = socket_.async_wait(Socket::wait_read,
                                               asio::redirect_error(asio::use_awaitable, failure));
            co_await std::move(readable);
            if (failure) co_return false;
        }
    }

    asio::awaitable<bool> write(std::string_view text) override {
        boost::system::error_code failure;
        auto written = asio::async_write(socket_, asio::buffer(text.data(), text.size()),
                                         asio::redirect_error(asio::use_awaitable, failure));
        co_await std::move(written);
        co_return !failure;
    }

    void end_writing() override {
        boost::system::error_code ignored;  // the client may have gone
        socket_.shutdown(Socket::shutdown_send, ignored);
    }

    void cancel() override {
        boost::system::error_code ignored;
        socket_.cancel(ignored);
    }

private:
    // One buffer for all connections of the thread: an idle one holds none.
    bool read_now(std::string& into, boost::system::error_code& failure) {
        static thread_local std::vector<char> bytes(std::size_t{64} * 1024);
        const std::size_t count = socket_.read_some(asio::buffer(bytes), failure);
        into.append(bytes.data(), count);
        return count > 0;
    }

    Socket socket_;
};

}  // namespace

std::unique_ptr<Stream> make_socket_stream(Socket socket) {
    return std::make_unique<SocketStream>(std::move(socket));
}

}  // namespace herald::api
