#pragma once

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "api/server.h"
#include "tests/api/api_fixture.h"

namespace herald::test {

namespace asio = boost::asio;
using LocalSocket = asio::local::stream_protocol::socket;

/// Raw bytes to a socket and back.
template <class Socket>
class RawClient {
public:
    template <class Endpoint>
    explicit RawClient(const Endpoint& endpoint) : socket_(context_) {
        socket_.connect(endpoint);
    }

    void send(std::string_view bytes) {
        boost::system::error_code ignored;  // the server may refuse before it has read all
        asio::write(socket_, asio::buffer(bytes), ignored);
    }
    /// One answer by its Content-Length; what came so far where the server closed.
    std::string read_answer() {
        boost::system::error_code ec;
        while (!is_complete() && !ec) {
            std::array<char, 4096> bytes{};
            const std::size_t count = socket_.read_some(asio::buffer(bytes), ec);
            received_.append(bytes.data(), count);
        }
        const std::size_t end = is_complete() ? answer_size() : received_.size();
        std::string answer = received_.substr(0, end);
        received_.erase(0, end);
        return answer;
    }
    /// Waits for the first bytes of an answer and leaves the rest of it where it is.
    void wait_for_an_answer() {
        std::array<char, 1> byte{};
        received_.append(byte.data(), socket_.read_some(asio::buffer(byte)));
    }
    /// Whatever is sent before the server closes: blocks until it does.
    std::string read_to_the_end() {
        boost::system::error_code ec;
        std::string all;
        asio::read(socket_, asio::dynamic_buffer(all), ec);
        return all;
    }
    std::string ask(std::string_view bytes) {
        send(bytes);
        return read_answer();
    }
    /// Whether the server has closed: blocks until it does or sends something more.
    bool is_closed() {
        std::array<char, 1> byte{};
        boost::system::error_code ec;
        return socket_.read_some(asio::buffer(byte), ec) == 0 && ec;
    }

private:
    [[nodiscard]] std::size_t answer_size() const {
        const std::size_t head = received_.find("\r\n\r\n");
        if (head == std::string::npos) return 0;
        const std::size_t length = received_.find("Content-Length: ");
        if (length > head) return head + 4;  // 100 Continue
        return head + 4 + std::stoul(received_.substr(length + 16));
    }
    [[nodiscard]] bool is_complete() const {
        return answer_size() > 0 && received_.size() >= answer_size();
    }

    inline static asio::io_context context_;  ///< one for all: each has descriptors of its own
    Socket socket_;
    std::string received_;
};

/// The admin interface behind a real socket.
class ServerTest : public ApiFixture {
protected:
    void start(std::chrono::milliseconds patience = std::chrono::seconds(10),
               std::optional<std::string> listen = std::nullopt) {
        api::ServerOptions options = patient(patience);
        options.listen = std::move(listen);
        start(std::move(options));
    }
    static api::ServerOptions patient(std::chrono::milliseconds patience = std::chrono::hours(1)) {
        api::ServerOptions options;
        options.patience = patience;
        options.idle_patience = patience;
        return options;
    }
    void start(api::ServerOptions options) {
        options.socket = directory_ / "herald.db.sock";
        server_.emplace(*router_, std::move(options));
        server_->start().value();
    }
    [[nodiscard]] asio::local::stream_protocol::endpoint endpoint() const {
        return {(directory_ / "herald.db.sock").string()};
    }
    [[nodiscard]] RawClient<LocalSocket> connect() const {
        return RawClient<LocalSocket>(endpoint());
    }
    static std::string post(const std::string& body, const std::string& fields = {}) {
        return "POST /v1/events HTTP/1.1\r\nHost: x\r\n" + fields +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    std::optional<api::Server> server_;
};

inline constexpr const char* kGet = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

}  // namespace herald::test
