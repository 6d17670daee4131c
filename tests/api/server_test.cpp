#include "api/server.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <future>
#include <list>

#include "tests/api/server_fixture.h"

namespace herald::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(ServerTest, TheSocketIsForItsOwnerOnlyAndGoesWithTheServer) {
    const auto path = directory_ / "herald.db.sock";
    std::ofstream(path) << "left over";
    start();
    struct stat found{};
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_TRUE(S_ISSOCK(found.st_mode));
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
    server_->stop();
    server_->stop();
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ServerTest, OneConnectionServesManyRequests) {
    start();
    auto client = connect();
    for (int i = 0; i < 3; ++i) EXPECT_THAT(client.ask(kGet), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(client.ask(post(R"({"type":"a.b"})")), StartsWith("HTTP/1.1 202 Accepted\r\n"));
    client.send(std::string(kGet) + kGet);
    EXPECT_THAT(client.read_answer(), HasSubstr("200 OK"));
    EXPECT_THAT(client.read_answer(), HasSubstr("200 OK"));
    const std::string last =
        client.ask("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(last, HasSubstr("Connection: close"));
    EXPECT_THAT(last, Not(HasSubstr("Server:")));
    EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, QueryAndHeadersReachTheHandler) {
    start();
    auto client = connect();
    EXPECT_THAT(client.ask("GET /v1/callouts?limit=0 HTTP/1.1\r\nHost: x\r\n\r\n"),
                HasSubstr(R"("field":"limit")"));
    EXPECT_THAT(client.ask(post(R"({"type":"a.b","key":"a"})", "Idempotency-Key: b\r\n")),
                StartsWith("HTTP/1.1 400 "));
}

TEST_F(ServerTest, ChunkedBodiesAreRead) {
    start();
    auto client = connect();
    const std::string head =
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_THAT(
        client.ask(head + "8\r\n{\"type\":\r\n6;x=y\r\n\"a.b\"}\r\n0\r\nX-Trailer: 1\r\n\r\n"),
        StartsWith("HTTP/1.1 202 "));
    EXPECT_THAT(client.ask(kGet), StartsWith("HTTP/1.1 200 "));
    for (const char* bad :
         {"+5\r\n", "-1\r\n", "g\r\n", " 5\r\n", "ffffffffffffffff1\r\n", "2\r\n{}X\r\n", "\r\n"}) {
        EXPECT_THAT(connect().ask(head + bad), StartsWith("HTTP/1.1 4")) << bad;
    }
}

TEST_F(ServerTest, AmbiguousFramingIsRefusedAndTheConnectionEnds) {
    start();
    const std::string body = R"({"type":"a.b"})";
    const std::string length = "Content-Length: 14\r\n";
    for (const std::string& rest :
         {length + "Transfer-Encoding: chunked\r\n\r\ne\r\n" + body + "\r\n0\r\n\r\n",
          length + length + "\r\n" + body, "Content-Length: +14\r\n\r\n" + body,
          "Content-Length: -1\r\n\r\n" + body, "Content-Length : 14\r\n\r\n" + body,
          "X: a\r\n b\r\n" + length + "\r\n" + body, "X: a\n" + length + "\r\n" + body,
          std::string("Transfer-Encoding: chunked, identity\r\n\r\n") + body}) {
        auto client = connect();
        const std::string answer = client.ask("POST /v1/events HTTP/1.1\r\nHost: x\r\n" + rest);
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << rest;
        EXPECT_THAT(answer, HasSubstr("malformed_request")) << rest;
        EXPECT_THAT(answer, HasSubstr("Connection: close")) << rest;
        client.send(kGet);
        EXPECT_TRUE(client.is_closed()) << rest;
    }
    EXPECT_EQ(must("GET", "/v1/stats").at("events"), 0);
}

TEST_F(ServerTest, HeadersWithLfAloneAreRefusedAtOnce) {
    start();
    EXPECT_THAT(connect().ask("GET /livez HTTP/1.1\nHost: x\n\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ServerTest, TooLargeBodiesAreRefusedBeforeTheyAreRead) {
    start();
    EXPECT_THAT(
        connect().ask("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n"),
        StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(
        connect().ask(
            "POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n"),
        StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(connect().ask("GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " +
                              std::string(40'000, 'a') + "\r\n\r\n"),
                StartsWith("HTTP/1.1 431 "));
    const std::string all = R"({"type":"a.b","data":")" + std::string(1'100'000, 'x') + "\"}";
    EXPECT_THAT(connect().ask(post(all)), StartsWith("HTTP/1.1 413 "));
}

TEST_F(ServerTest, NdjsonMayBeLarger) {
    start();
    std::string lines;
    const std::string line = R"({"type":"a.b","data":")" + std::string(2000, 'x') + "\"}\n";
    for (int i = 0; i < 1000; ++i) lines += line;
    EXPECT_THAT(connect().ask(post(lines, "Content-Type: application/x-ndjson\r\n")),
                HasSubstr(R"({"accepted":1000,)"));
}

TEST_F(ServerTest, AClientThatAsksFirstIsToldToContinue) {
    start();
    auto client = connect();
    const std::string head =
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 14\r\n\r\n";
    EXPECT_EQ(client.ask(head), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_THAT(client.ask(R"({"type":"a.b"})"), StartsWith("HTTP/1.1 202 "));
}

TEST_F(ServerTest, WhatDoesNotArriveInTimeIsCutOff) {
    start(std::chrono::milliseconds(150));
    EXPECT_THAT(connect().ask("GET /livez HTTP/1.1\r\nHos"), StartsWith("HTTP/1.1 408 "));
    EXPECT_THAT(connect().ask("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n{"),
                StartsWith("HTTP/1.1 408 "));
    EXPECT_TRUE(connect().is_closed());
}

TEST_F(ServerTest, StopDoesNotWaitForIdleClients) {
    start(std::chrono::hours(1));
    auto idle = connect();
    auto half = connect();
    EXPECT_THAT(idle.ask(kGet), StartsWith("HTTP/1.1 200 "));
    half.send("GET /livez");
    server_->stop();
    EXPECT_TRUE(idle.is_closed());
}

TEST_F(ServerTest, StopEndsConnectionsWhoseAnswersAreOnTheirWay) {
    for (int round = 0; round < 20; ++round) {
        start(std::chrono::hours(1));
        std::vector<std::thread> clients;
        for (int i = 0; i < 4; ++i) {
            clients.emplace_back([this] {
                try {
                    auto client = connect();
                    while (!client.ask(kGet).empty()) {
                    }
                } catch (const boost::system::system_error&) {
                    // The server ended under the request.
                }
            });
        }
        for (int i = 0; i < 20; ++i) ASSERT_THAT(connect().ask(kGet), HasSubstr("200 OK"));
        server_->stop();
        for (auto& client : clients) client.join();
    }
}

// Each of the clients takes a descriptor here, and another one in the server.
void allow_descriptors(rlim_t count) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min(limit.rlim_max, std::max(limit.rlim_cur, count));
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < count) GTEST_SKIP() << "needs " << count << " descriptors";
}

TEST_F(ServerTest, AThousandKeptConnectionsAreAllServedAgainAndAgain) {
    allow_descriptors(5000);
    if (IsSkipped()) return;
    start(std::chrono::hours(1));
    std::list<RawClient<LocalSocket>> kept;
    for (int i = 0; i < 1000; ++i) kept.emplace_back(endpoint());
    for (int round = 0; round < 2; ++round) {
        for (auto& client : kept) ASSERT_THAT(client.ask(kGet), StartsWith("HTTP/1.1 200 "));
    }
    EXPECT_THAT(connect().ask(post(R"({"type":"a.b"})")), StartsWith("HTTP/1.1 202 "));
    server_->stop();
    for (auto& client : kept) ASSERT_TRUE(client.is_closed());
}

TEST_F(ServerTest, SilentConnectionsMakeRoomForOneThatAsks) {
    auto options = patient();
    options.max_connections = 8;
    start(std::move(options));
    std::list<RawClient<LocalSocket>> silent;
    auto kept = connect();
    for (int i = 0; i < 30; ++i) {
        silent.emplace_back(endpoint());
        // Answered, so that the server has seen it; from then on silent.
        ASSERT_THAT(silent.back().ask(kGet), StartsWith("HTTP/1.1 200 ")) << i;
        if (i % 2 == 0) silent.back().send("GET /livez HTTP/1.1\r\nHos");
        // Whoever asks is behind all that are silent.
        if (i % 4 != 0) continue;
        ASSERT_THAT(kept.ask(kGet), StartsWith("HTTP/1.1 200 ")) << i;
    }
    EXPECT_TRUE(silent.front().is_closed()) << "the one that was silent longest";
    EXPECT_THAT(connect().ask(kGet), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, ACrowdOfOneAddressDoesNotKeepAnybodyWaiting) {
    allow_descriptors(5000);
    if (IsSkipped()) return;
    start(std::chrono::hours(1), "127.0.0.1:0");
    const asio::ip::tcp::endpoint port(asio::ip::address_v4::loopback(), server_->port());
    std::list<RawClient<asio::ip::tcp::socket>> dripping;
    for (int i = 0; i < 2000; ++i) {
        dripping.emplace_back(port);
        dripping.back().send("GET /liv");
        if (i % 100 == 99) {
            RawClient<asio::ip::tcp::socket> prober(port);
            ASSERT_THAT(prober.ask(kGet), StartsWith("HTTP/1.1 200 ")) << i;
        }
    }
    EXPECT_THAT(connect().ask(kGet), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, RequestsHoldNoMoreMemoryThanTheyMay) {
    auto options = patient();
    options.max_buffered = 100'000;
    start(std::move(options));
    const std::string fields = "Content-Type: application/x-ndjson\r\n";
    const std::string line = R"({"type":"a.b","data":")" + std::string(2000, 'x') + "\"}\n";
    std::string lines;
    for (int i = 0; i < 200; ++i) lines += line;
    auto large = connect();
    const std::string answer = large.ask(post(lines, fields));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(answer, HasSubstr("overloaded"));
    EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
    EXPECT_TRUE(large.is_closed());
    EXPECT_THAT(connect().ask(post(line + line, fields)), StartsWith("HTTP/1.1 202 "));
}

// Token requests that are not answered until `answer`.
class WaitingHandlersTest : public ServerTest {
protected:
    WaitingHandlersTest() {
        provider_ = [this, released = answered_.get_future().share()](const http::Request&) {
            if (!std::exchange(has_begun_, true)) begun_.set_value();
            released.wait();
            return token_response("given");
        };
    }
    ~WaitingHandlersTest() override { answer(); }

    // Adopts providers before the token thread is kept waiting.
    void given_providers(int count) {
        for (int i = 0; i < count; ++i) given_provider("p" + std::to_string(i));
    }
    void ask_for_tokens(const std::string& operation, int providers, int count) {
        for (int i = 0; i < count; ++i) {
            waiting_.emplace_back(endpoint());
            waiting_.back().send("POST /v1/providers/p" + std::to_string(i % providers) +
                                 "/token/" + operation +
                                 " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        }
    }
    // Until the first of them waits for the token endpoint.
    void wait_for_the_first() { begun_.get_future().wait(); }
    void answer() {
        if (!std::exchange(is_answered_, true)) answered_.set_value();
    }
    void expect_all_answered() {
        for (auto& client : waiting_)
            EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 "));
    }

    std::list<RawClient<LocalSocket>> waiting_;

private:
    std::promise<void> begun_;
    bool has_begun_ = false;  // of the token thread
    std::promise<void> answered_;
    bool is_answered_ = false;
};

TEST_F(WaitingHandlersTest, RequestsThatWaitForAnotherServerKeepNobodyElse) {
    given_providers(40);
    start(std::chrono::hours(1));
    ask_for_tokens("obtain", 40, 40);
    for (int i = 0; i < 10; ++i) {
        EXPECT_THAT(connect().ask(kGet), StartsWith("HTTP/1.1 200 "));
        EXPECT_THAT(connect().ask(post(R"({"type":"a.b"})")), StartsWith("HTTP/1.1 202 "));
        EXPECT_THAT(connect().ask("GET /v1/providers/p1 HTTP/1.1\r\nHost: x\r\n\r\n"),
                    StartsWith("HTTP/1.1 200 "));
        given_notification("n" + std::to_string(i), "a.b");
    }
    answer();
    expect_all_answered();
}

TEST_F(WaitingHandlersTest, TwoHundredRefreshesOfOneProviderAllGetAnAnswer) {
    given_providers(1);
    start(std::chrono::hours(1));
    ask_for_tokens("refresh", 1, 200);
    answer();
    expect_all_answered();
    EXPECT_LE(asked_.size(), 200U);
}

TEST_F(WaitingHandlersTest, WhereAllConnectionsAreServedANewOneIsTurnedAway) {
    given_providers(1);
    auto options = patient();
    options.max_connections = 1;
    start(std::move(options));
    ask_for_tokens("obtain", 1, 1);
    wait_for_the_first();
    const std::string refused = connect().read_to_the_end();
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(refused, HasSubstr("overloaded"));
    answer();
    expect_all_answered();
}

TEST_F(WaitingHandlersTest, StopWaitsForTheRequestsThatAreBeingHandled) {
    given_providers(1);
    start(std::chrono::hours(1));
    ask_for_tokens("obtain", 1, 1);
    wait_for_the_first();
    auto idle = connect();
    EXPECT_THAT(idle.ask(kGet), StartsWith("HTTP/1.1 200 "));
    std::thread stopping([this] { server_->stop(); });
    EXPECT_TRUE(idle.is_closed());
    answer();
    expect_all_answered();
    stopping.join();
}

TEST_F(ServerTest, OverTcpOnlyHealthAndMetrics) {
    start(std::chrono::seconds(10), "127.0.0.1:0");
    ASSERT_NE(server_->port(), 0);
    const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), server_->port());
    const auto get = [&](const std::string& path) {
        return RawClient<asio::ip::tcp::socket>(endpoint).ask("GET " + path +
                                                              " HTTP/1.1\r\nHost: x\r\n\r\n");
    };
    for (const char* path : {"/livez", "/readyz", "/metrics"})
        EXPECT_THAT(get(path), StartsWith("HTTP/1.1 200 ")) << path;
    for (const char* path :
         {"/v1/providers", "/v1/stats", "/", "/livez/../v1/stats", "//v1/stats", "/%76%31/stats"}) {
        EXPECT_THAT(get(path), StartsWith("HTTP/1.1 404 ")) << path;
    }
}

TEST_F(ServerTest, APathThatCannotBeBoundIsAnError) {
    api::ServerOptions options;
    options.socket = directory_ / std::string(200, 'x');
    api::Server server(*router_, options);
    const auto started = server.start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, "storage_error");
}

TEST_F(ServerTest, AListenAddressThatIsNoneIsRefusedBeforeAnythingListens) {
    for (const char* text :
         {"nowhere", "127.0.0.1:99999", "127.0.0.1", "/tmp/x", "127.0.0.1:http!", ""}) {
        api::ServerOptions options;
        options.socket = directory_ / "ok.sock";
        options.listen = text;
        api::Server server(*router_, options);
        const auto started = server.start();
        ASSERT_FALSE(started) << text;
        EXPECT_EQ(started.error().code, "invalid_argument") << text;
        EXPECT_FALSE(std::filesystem::exists(options.socket)) << text;
    }
}

TEST_F(ServerTest, APortThatIsTakenLeavesNoSocketBehind) {
    start(std::chrono::seconds(10), "127.0.0.1:0");
    api::ServerOptions options;
    options.socket = directory_ / "second.sock";
    options.listen = "127.0.0.1:" + std::to_string(server_->port());
    api::Server second(*router_, options);
    const auto started = second.start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, "storage_error");
    EXPECT_FALSE(std::filesystem::exists(options.socket));
}

}  // namespace
}  // namespace herald::test
