#include "cli/unix_socket_client.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "core/encoding.h"
#include "core/secret.h"
#include "storage/socket_name.h"
#include "storage/trusted_owner.h"

namespace herald::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Protocol = asio::local::stream_protocol;
using Stream = beast::basic_stream<Protocol>;

core::Error daemon_silent(const std::filesystem::path& socket, const std::string& why) {
    return {.kind = core::ErrorKind::kStorage,
            .code = "daemon_not_running",
            .message = "the daemon that owns the database does not answer on " + socket.string() +
                       ": " + why + "; look at its log, or stop it and try again"};
}

/// One request and its answer, on an io_context of its own: that is what gives a blocking call its
/// timeouts.
class Exchange final {
public:
    Exchange(const std::filesystem::path& socket, const UnixSocketOptions& options)
        : socket_(socket), options_(options), stream_(context_) {
        parser_.body_limit(options.max_response_bytes);
    }

    core::Result<api::ApiResponse> run(const api::ApiRequest& request);

private:
    core::Result<> connect();
    core::Result<> check_peer();
    core::Result<> send(const api::ApiRequest& request);
    core::Result<> receive();
    core::Result<> finish(const boost::system::error_code& failure, std::string_view step);
    api::ApiResponse response();

    const std::filesystem::path& socket_;
    const UnixSocketOptions& options_;
    asio::io_context context_{1};
    Stream stream_;
    beast::flat_buffer buffer_;
    http::response_parser<http::string_body> parser_;
    http::request<http::string_body> request_;
};

core::Result<> Exchange::finish(const boost::system::error_code& failure, std::string_view step) {
    if (!failure) return {};
    return daemon_silent(socket_, std::string(step) + ": " + failure.message());
}

core::Result<> check_socket(const std::filesystem::path& socket) {
    struct stat status{};
    if (::lstat(socket.c_str(), &status) != 0)
        return daemon_silent(socket, std::generic_category().message(errno));
    if (!S_ISSOCK(status.st_mode))
        return storage::not_trusted(socket.string() + " is no socket; remove it");
    return storage::check_trusted(status, "the daemon's socket", socket);
}

core::Result<> Exchange::connect() {
    if (auto good = check_socket(socket_); !good) return good;
    const auto name = storage::SocketName::of(socket_);
    if (!name) return name.error();
    boost::system::error_code outcome;
    stream_.expires_after(options_.connect_timeout);
    stream_.async_connect(Protocol::endpoint(name->text()),
                          [&](boost::system::error_code failure) { outcome = failure; });
    context_.run();
    context_.restart();
    if (auto connected = finish(outcome, "connecting"); !connected) return connected;
    return check_peer();
}

/// The kernel says who listens there; what the file looks like could have changed since.
core::Result<> Exchange::check_peer() {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(stream_.socket().native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return daemon_silent(socket_, std::generic_category().message(errno));
    if (storage::is_trusted_owner(peer.uid, socket_)) return {};
    return storage::not_trusted(
        "the process that listens on " + socket_.string() + " (pid " + std::to_string(peer.pid) +
        ") runs as " + storage::owner_text(peer.uid) +
        ", neither as you nor as root: nothing was sent to it; run herald as that user, or keep "
        "the database in a folder that only you can write");
}

core::Result<> Exchange::send(const api::ApiRequest& request) {
    request_.method_string(request.method);
    request_.target(request_target(request));
    request_.set(http::field::host, "localhost");
    request_.set(http::field::connection, "close");
    for (const auto& [name, value] : request.headers) request_.set(name, value);
    request_.body() = request.body;
    request_.prepare_payload();
    boost::system::error_code outcome;
    stream_.expires_after(options_.response_timeout);
    http::async_write(stream_, request_,
                      [&](boost::system::error_code failure, std::size_t) { outcome = failure; });
    context_.run();
    context_.restart();
    core::wipe(request_.body());
    return finish(outcome, "sending");
}

core::Result<> Exchange::receive() {
    boost::system::error_code outcome;
    stream_.expires_after(options_.response_timeout);
    http::async_read(stream_, buffer_, parser_,
                     [&](boost::system::error_code failure, std::size_t) { outcome = failure; });
    context_.run();
    return finish(outcome, "waiting for the answer");
}

api::ApiResponse Exchange::response() {
    auto message = parser_.release();
    api::ApiResponse response;
    response.status = static_cast<int>(message.result_int());
    response.content_type = std::string(message[http::field::content_type]);
    response.body = std::move(message.body());
    for (const auto& field : message) {
        response.headers[std::string(field.name_string())] = std::string(field.value());
    }
    return response;
}

core::Result<api::ApiResponse> Exchange::run(const api::ApiRequest& request) {
    if (auto connected = connect(); !connected) return connected.error();
    // A daemon that refuses a large body answers before it has read all of it: its answer counts,
    // not our failure.
    auto sent = send(request);
    if (auto received = receive(); !received) return sent ? received.error() : sent.error();
    return response();
}

class UnixSocketClient final : public ApiClient {
public:
    UnixSocketClient(std::filesystem::path socket, UnixSocketOptions options)
        : socket_(std::move(socket)), options_(options) {}

    core::Result<api::ApiResponse> call(const api::ApiRequest& request) override {
        Exchange exchange(socket_, options_);
        return exchange.run(request);
    }

    [[nodiscard]] bool is_daemon() const override { return true; }

private:
    std::filesystem::path socket_;
    UnixSocketOptions options_;
};

}  // namespace

std::string request_target(const api::ApiRequest& request) {
    std::string target = request.path;
    char separator = '?';
    for (const auto& [name, value] : request.query) {
        target.push_back(separator);
        target.append(core::percent_encode(name)).append("=").append(core::percent_encode(value));
        separator = '&';
    }
    return target;
}

core::Result<> ping(ApiClient& client) {
    api::ApiRequest request;
    request.method = "GET";
    request.path = "/livez";
    const auto answer = client.call(request);
    if (!answer) return answer.error();
    if (answer->status == 200) return {};
    return core::Error{
        .kind = core::ErrorKind::kStorage,
        .code = "daemon_not_running",
        .message = "the socket answers " + std::to_string(answer->status) + " to /livez"};
}

std::unique_ptr<ApiClient> make_unix_socket_client(std::filesystem::path socket,
                                                   UnixSocketOptions options) {
    return std::make_unique<UnixSocketClient>(std::move(socket), options);
}

}  // namespace herald::cli
