#include "cli/unix_socket_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <thread>

#include "storage/file_descriptor.h"
#include "storage/socket_name.h"
#include "tests/support/temp_directory.h"

namespace herald::cli {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;

/// Takes one connection on a Unix socket, keeps what was asked, answers with prepared bytes.
class TinyServer final {
public:
    TinyServer(const std::filesystem::path& socket, std::string answer)
        : acceptor_(context_, asio::local::stream_protocol::endpoint(
                                  storage::SocketName::of(socket).value().text())),
          thread_([this, answer = std::move(answer)] { serve(answer); }) {}

    std::string asked() {
        thread_.join();
        return asked_;
    }

private:
    void serve(const std::string& answer) {
        auto peer = acceptor_.accept();
        boost::system::error_code ignored;
        asio::read_until(peer, asio::dynamic_buffer(asked_), "\r\n\r\n", ignored);
        const auto body = asked_.find("\r\n\r\n") + 4;
        const auto length = asked_.find("Content-Length: ");
        const std::size_t expected =
            length == std::string::npos ? 0 : std::stoul(asked_.substr(length + 16));
        while (asked_.size() < body + expected && !ignored) {
            asio::read(peer, asio::dynamic_buffer(asked_), asio::transfer_at_least(1), ignored);
        }
        asio::write(peer, asio::buffer(answer), ignored);
    }

    asio::io_context context_;
    asio::local::stream_protocol::acceptor acceptor_;
    std::string asked_;
    std::jthread thread_;
};

api::ApiRequest request(std::string method, std::string path) {
    api::ApiRequest out;
    out.method = std::move(method);
    out.path = std::move(path);
    return out;
}

class UnixSocketClientTest : public testing::Test {
protected:
    core::Result<api::ApiResponse> call(const api::ApiRequest& asked,
                                        UnixSocketOptions options = {}) {
        return make_unix_socket_client(socket_, options)->call(asked);
    }

    test::TempDirectory folder_;
    std::filesystem::path socket_ = folder_.file("s");
};

TEST_F(UnixSocketClientTest, SendsTheRequestAndReadsTheAnswer) {
    TinyServer server(socket_,
                      "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: "
                      "8\r\nRetry-After: 3\r\n\r\n{\"a\":1}\n");
    auto asked = request("POST", "/v1/events");
    asked.query = {{"since", "a b&c"}};
    asked.headers = {{"content-type", "application/json"}};
    asked.body = "{\"type\":\"a.b\"}";
    const auto answer = call(asked);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 202);
    EXPECT_EQ(answer->content_type, "application/json");
    EXPECT_EQ(answer->body, "{\"a\":1}\n");
    EXPECT_EQ(answer->headers.at("Retry-After"), "3");
    const auto received = server.asked();
    EXPECT_THAT(received, testing::StartsWith("POST /v1/events?since=a%20b%26c HTTP/1.1\r\n"));
    EXPECT_THAT(received, HasSubstr("content-type: application/json\r\n"));
    EXPECT_THAT(received, testing::EndsWith("\r\n\r\n{\"type\":\"a.b\"}"));
}

TEST_F(UnixSocketClientTest, AProblemIsAnAnswer) {
    TinyServer server(socket_, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
    const auto answer = call(request("GET", "/v1/providers/x"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 404);
}

TEST_F(UnixSocketClientTest, NobodyThereIsDaemonNotRunning) {
    const auto missing = call(request("GET", "/livez"));
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, "daemon_not_running");
    const std::filesystem::path too_long = folder_.file(std::string(200, 'x'));
    EXPECT_EQ(make_unix_socket_client(too_long)->call(request("GET", "/livez")).error().code,
              "daemon_not_running");
}

TEST_F(UnixSocketClientTest, ASocketMayHaveALongPath) {
    const auto deep = folder_.file(std::string(120, 'd'));
    std::filesystem::create_directory(deep);
    socket_ = deep / "herald.db.sock";
    TinyServer server(socket_, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    const auto answer = call(request("GET", "/livez"));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_TRUE(std::filesystem::exists(socket_));
}

TEST_F(UnixSocketClientTest, ANameTooLongForAnySocketIsToldWithItsLength) {
    const auto name = storage::SocketName::of(folder_.file(std::string(150, 'x')));
    ASSERT_FALSE(name);
    EXPECT_THAT(name.error().message, HasSubstr("has 150 bytes"));
}

TEST_F(UnixSocketClientTest, ASocketThatOthersCanWriteIsNotSpokenTo) {
    asio::io_context context;
    asio::local::stream_protocol::acceptor acceptor(
        context, asio::local::stream_protocol::endpoint(socket_.string()));
    ASSERT_EQ(::chmod(socket_.c_str(), 0666), 0);
    EXPECT_EQ(call(request("GET", "/livez")).error().code, "not_trusted");
    acceptor.non_blocking(true);
    boost::system::error_code nobody;
    (void)acceptor.accept(nobody);
    EXPECT_EQ(nobody, asio::error::would_block) << "no connection was made";
}

TEST_F(UnixSocketClientTest, WhatIsNoSocketIsNamed) {
    std::ofstream(socket_) << "a file";
    const auto answer = call(request("GET", "/livez"));
    EXPECT_EQ(answer.error().code, "not_trusted");
    EXPECT_THAT(answer.error().message, HasSubstr("is no socket"));
}

/// A socket file of ours, on which another user's process listens. The kernel keeps who called
/// listen(2).
TEST_F(UnixSocketClientTest, NothingIsSentToAnotherUsersProcess) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::others_write,
                                 std::filesystem::perm_options::add);
    const storage::FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_.string().copy(address.sun_path, sizeof address.sun_path - 1);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how bind(2) takes addresses
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(::setuid(65534) == 0 && ::listen(socket.get(), 8) == 0 ? 0 : 1);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    auto asked = request("POST", "/v1/providers");
    asked.body = R"({"client_secret":"s3cret"})";
    const auto answer = call(asked);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, "not_trusted");
    EXPECT_THAT(answer.error().message, HasSubstr("uid 65534"));
    const storage::FileDescriptor peer(::accept(socket.get(), nullptr, nullptr));
    char byte = 0;
    EXPECT_EQ(::read(peer.get(), &byte, 1), 0) << "the connection ended without a byte";
}

TEST_F(UnixSocketClientTest, AnAnswerThatIsNoneIsDaemonNotRunning) {
    TinyServer server(socket_, "garbage\r\n\r\n");
    const auto answer = call(request("GET", "/livez"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, "daemon_not_running");
}

TEST_F(UnixSocketClientTest, ASilentDaemonIsGivenUp) {
    asio::io_context context;
    const asio::local::stream_protocol::acceptor silent(
        context, asio::local::stream_protocol::endpoint(socket_.string()));
    UnixSocketOptions hasty;
    hasty.response_timeout = std::chrono::milliseconds(50);
    const auto answer = call(request("GET", "/livez"), hasty);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, "daemon_not_running");
}

TEST_F(UnixSocketClientTest, PingWantsThe200OfLivez) {
    {
        TinyServer server(socket_, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        EXPECT_TRUE(ping(*make_unix_socket_client(socket_)));
        EXPECT_THAT(server.asked(), testing::StartsWith("GET /livez HTTP/1.1\r\n"));
    }
    std::filesystem::remove(socket_);
    TinyServer other(socket_, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
    EXPECT_FALSE(ping(*make_unix_socket_client(socket_)));
}

}  // namespace
}  // namespace herald::cli
