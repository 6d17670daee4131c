#include <algorithm>

#include "tests/http/transport_fixture.h"

namespace herald::http {
namespace {

using test::LoopbackServer;
using test::LoopbackSession;

class TransportTest : public TransportFixture {};

TEST_F(TransportTest, SendsTheRequestAndReadsTheResponse) {
    LoopbackServer server(LoopbackServer::always(answer("hello", "201 Created", "X-One: 1\r\n")));
    auto request = post(server.url("/path?q=1"), "{}");
    request.headers.add("Authorization", "Bearer abc");
    request.carries_credentials = true;
    const auto response = send(std::move(request));
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->status, 201);
    EXPECT_EQ(response->headers.get("x-one"), "1");
    EXPECT_EQ(response->body, "hello");
    EXPECT_FALSE(response->body_truncated);

    transport_.reset();
    ASSERT_TRUE(server.wait_for_ended(1));
    EXPECT_EQ(server.received().at(0),
              "POST /path?q=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                  "\r\nAuthorization: Bearer abc\r\nAccept-Encoding: identity\r\nContent-Length: "
                  "2\r\n\r\n{}");
}

TEST_F(TransportTest, AThousandRequestsShareOneConnection) {
    LoopbackServer server([](LoopbackSession& session) {
        for (int i = 0; !session.read_request().empty(); ++i)
            session.send(answer(std::to_string(i)));
    });
    for (int i = 0; i < 1000; ++i) {
        const auto response = send(post(server.url(), "x"));
        ASSERT_TRUE(response.has_value()) << response.error().message;
        ASSERT_EQ(response->body, std::to_string(i));
    }
    EXPECT_EQ(server.connections(), 1U);
}

TEST_F(TransportTest, RequestsAtTheSameTimeHaveConnectionsOfTheirOwn) {
    LoopbackServer server(LoopbackServer::always(answer("ok")));
    for (int round = 0; round < 3; ++round) {
        std::vector<std::shared_ptr<Outcome>> outcomes;
        for (int i = 0; i < 20; ++i) outcomes.push_back(start(get(server.url())));
        for (const auto& outcome : outcomes) EXPECT_TRUE(finish(outcome).has_value());
    }
    EXPECT_LE(server.connections(), 20U);
}

TEST_F(TransportTest, KeepsOnlySoManyIdleConnections) {
    options_.max_idle_per_origin = 2;
    LoopbackServer server(LoopbackServer::always(answer("ok")));
    std::vector<std::shared_ptr<Outcome>> outcomes;
    for (int i = 0; i < 5; ++i) outcomes.push_back(start(get(server.url())));
    for (const auto& outcome : outcomes) EXPECT_TRUE(finish(outcome).has_value());
    EXPECT_TRUE(server.wait_for_ended(3));
}

TEST_F(TransportTest, DropsAConnectionThatWasIdleTooLong) {
    LoopbackServer server(LoopbackServer::always(answer("ok")));
    ASSERT_TRUE(send_get(server.url()).has_value());
    clock_.advance(options_.idle_timeout - std::chrono::milliseconds(1));
    ASSERT_TRUE(send_get(server.url()).has_value());
    EXPECT_EQ(server.connections(), 1U);
    clock_.advance(options_.idle_timeout);
    ASSERT_TRUE(send_get(server.url()).has_value());
    EXPECT_EQ(server.connections(), 2U);
}

TEST_F(TransportTest, AStaleConnectionIsReplacedBeforeAnythingIsWritten) {
    LoopbackServer server([](LoopbackSession& session) {
        session.read_request();
        session.send(answer(std::to_string(session.number())));
    });
    for (std::size_t i = 0; i < 5; ++i) {
        const auto response = send(post(server.url(), "x"));
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->body, std::to_string(i));
        ASSERT_TRUE(server.wait_for_ended(i + 1));
    }
    for (const auto& bytes : server.received()) EXPECT_EQ(bytes.find("POST", 1), std::string::npos);
}

TEST_F(TransportTest, DoesNotReuseAfterAnAnnouncedClose) {
    LoopbackServer server([](LoopbackSession& session) {
        session.read_request();
        session.send(answer("ok", "200 OK", "Connection: close\r\n"));
        session.wait_for_close();
    });
    ASSERT_TRUE(send_get(server.url()).has_value());
    ASSERT_TRUE(send_get(server.url()).has_value());
    EXPECT_EQ(server.connections(), 2U);
}

TEST_F(TransportTest, PoolsByOriginAndTlsIdentity) {
    LoopbackServer one(LoopbackServer::always(answer("one")));
    LoopbackServer two(LoopbackServer::always(answer("two")));
    resolver_.answer("name.example", {"127.0.0.1"});
    const std::string named = "http://name.example:" + std::to_string(one.port()) + "/";
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(send_get(one.url())->body, "one");
        EXPECT_EQ(send_get(two.url())->body, "two");
        EXPECT_EQ(send_get(named)->body, "one");
    }
    EXPECT_EQ(one.connections(), 2U);
    EXPECT_EQ(two.connections(), 1U);
    EXPECT_EQ(resolver_.lookups("name.example"), 1);
}

TEST_F(TransportTest, ALargeBodyArrivesWhole) {
    std::string seen;
    LoopbackServer server([&seen](LoopbackSession& session) {
        seen = session.read_request();
        session.send(answer("ok"));
    });
    std::string body(3'000'000, 'x');
    for (std::size_t i = 0; i < body.size(); i += 1000)
        body[i] = static_cast<char>('a' + i / 1000 % 26);
    ASSERT_TRUE(send(post(server.url(), body)).has_value());
    ASSERT_TRUE(server.wait_for_ended(1));
    ASSERT_GE(seen.size(), body.size());
    EXPECT_EQ(seen.substr(seen.size() - body.size()), body);
}

TEST_F(TransportTest, AnAnswerCountsThoughTheReceiverDidNotReadEverything) {
    LoopbackServer server([](LoopbackSession& session) {
        session.read_some();
        session.send(answer("too large", "413 Content Too Large", "Connection: close\r\n"));
        session.wait_for_close();
    });
    auto request = post(server.url(), std::string(200'000, 'x'));
    const auto response = send(std::move(request));
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->status, 413);
}

TEST_F(TransportTest, NothingIsSentOfARequestThatMustNotBe) {
    LoopbackServer server(LoopbackServer::always(answer("ok")));
    auto request = get(server.url());
    request.headers.add("Authorization", "Bearer a\r\nX-Evil: 1");
    const auto result = send(std::move(request));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "invalid_argument");
    EXPECT_EQ(server.connections(), 0U);
}

TEST_F(TransportTest, NobodyListens) {
    std::uint16_t port = 0;
    {
        LoopbackServer gone(LoopbackServer::always(""));
        port = gone.port();
    }
    const auto result = send_get("http://127.0.0.1:" + std::to_string(port) + "/");
    expect_error(result, "connect", "connect", false);
}

TEST_F(TransportTest, TriesTheNextAddress) {
    LoopbackServer server(LoopbackServer::always(answer("ok")));
    resolver_.answer("two.example",
                     {"::1", "127.0.0.2", "127.0.0.1"});  // it listens on the last only
    const auto response = send_get("http://two.example:" + std::to_string(server.port()) + "/");
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->body, "ok");
}

TEST_F(TransportTest, NoSuchName) {
    const auto result = send_get("http://nowhere.example/");
    expect_error(result, "dns", "resolve", false);
    EXPECT_EQ(result.error().kind, core::ErrorKind::kTransient);
}

TEST_F(TransportTest, MayGoWhileRequestsAreUnderWay) {
    LoopbackServer server([](LoopbackSession& session) { session.wait_for_close(); });
    resolver_.stall("stalled.example");
    const auto reading = start(get(server.url()));
    const auto resolving = start(get("http://stalled.example/"));
    run_until(
        [&] { return server.connections() == 1 && resolver_.lookups("stalled.example") == 1; });
    transport_.reset();
    for (const auto& outcome : {reading, resolving}) {
        const auto result = finish(outcome);
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(result.error().kind, core::ErrorKind::kCancelled);
    }
}

TEST_F(TransportTest, OnceItIsShutDownItSendsNothing) {
    LoopbackServer server([](LoopbackSession& session) { session.wait_for_close(); });
    const auto reading = start(get(server.url()));
    run_until([&] { return server.connections() == 1; });
    transport_->shut_down();
    for (const auto& outcome : {reading, start(get(server.url()))}) {
        const auto result = finish(outcome);
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(result.error().kind, core::ErrorKind::kCancelled);
    }
    EXPECT_EQ(server.connections(), 1U);
}

TEST(TransportLifetimeTest, TheContextMayGoWithRequestsUnderWay) {
    LoopbackServer server([](LoopbackSession& session) { session.wait_for_close(); });
    test::FakeClock clock;
    test::FakeResolver resolver;
    resolver.stall("stalled.example");
    const auto policy = *EgressPolicy::parse("127.0.0.1");
    auto context = std::make_unique<boost::asio::io_context>();
    auto transport = make_beast_transport(context->get_executor(), policy, resolver, clock);
    int finished = 0;
    for (const auto& url : {server.url(), std::string("http://stalled.example/")}) {
        Request request;
        request.url = *Url::parse(url, "url");
        request.deadline = clock.steady_now() + std::chrono::seconds(1);
        boost::asio::co_spawn(*context, transport->send(std::move(request)),
                              [&finished](const std::exception_ptr&, const auto&) { ++finished; });
    }
    context->poll();
    transport.reset();
    context.reset();
    EXPECT_EQ(finished, 0);
}

TEST_F(TransportTest, AnIdleTransportKeepsNoEventLoopAlive) {
    LoopbackServer server(LoopbackServer::always(answer("ok")));
    ASSERT_TRUE(send_get(server.url()).has_value());
    context_.restart();
    context_.run();  // returns, though a connection is pooled
    EXPECT_TRUE(send_get(server.url()).has_value());
    EXPECT_EQ(server.connections(), 1U);
}

}  // namespace
}  // namespace herald::http
