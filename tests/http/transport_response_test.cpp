#include <future>

#include "tests/http/transport_fixture.h"

namespace herald::http {
namespace {

using test::LoopbackServer;
using test::LoopbackSession;

// What hostile receivers send (S-07, S-08, E-71 to E-83); the bytes themselves are judged in
// response_decoder_test.
class TransportResponseTest : public TransportFixture {
protected:
    // The server answers with `bytes` and closes; later connections get a plain answer.
    core::Result<Response> first_answer(const std::string& bytes) {
        server_ = std::make_unique<LoopbackServer>([bytes](LoopbackSession& session) {
            session.read_request();
            session.send(session.number() == 0 ? bytes : answer("next"));
        });
        return send(post(server_->url(), "1"));
    }

    void expect_next_is_unaffected() {
        const auto next = send(post(server_->url(), "2"));
        ASSERT_TRUE(next.has_value()) << next.error().message;
        EXPECT_EQ(next->body, "next");
        EXPECT_EQ(server_->connections(), 2U);
    }

    std::unique_ptr<LoopbackServer> server_;
};

TEST_F(TransportResponseTest, AResetBeforeAnyByteIsABrokenConnection) {
    LoopbackServer server([](LoopbackSession& session) {
        session.read_request();
        session.reset();
    });
    expect_error(send(post(server.url(), "1")), "http", "read", true);
}

TEST_F(TransportResponseTest, AnEndWithoutStatusIsABrokenConnection) {
    expect_error(first_answer(""), "http", "read", true);
    expect_error(first_answer("HTTP/1.1 20"), "http", "read", true);
}

TEST_F(TransportResponseTest, ACutBodyKeepsTheStatus) {
    const auto response = first_answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "half");
    EXPECT_TRUE(response->body_truncated);
    expect_next_is_unaffected();
}

TEST_F(TransportResponseTest, AResetInTheBodyKeepsTheStatus) {
    LoopbackServer server([](LoopbackSession& session) {
        session.read_request();
        session.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        session.reset();
    });
    const auto response = send_get(server.url());
    // A reset may overtake the head; then nothing is known.
    if (response.has_value()) {
        EXPECT_TRUE(response->body_truncated);
    } else {
        EXPECT_EQ(response.error().code, "http");
    }
}

TEST_F(TransportResponseTest, GarbageIsMalformed) {
    for (const char* bytes :
         {"HTTP/1.1 2OO OK\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 99 X\r\n\r\n",
          "HTTP/1.1 600 X\r\n\r\n", "HTTP/1.1 000 X\r\n\r\n", "220 smtp.example ESMTP\r\n",
          "HTTP/1.1 101 Switching Protocols\r\n\r\n"}) {
        const auto result = first_answer(bytes);
        expect_error(result, "malformed", "read", true);
        EXPECT_EQ(result.error().kind, core::ErrorKind::kTransient);
        expect_next_is_unaffected();
    }
}

TEST_F(TransportResponseTest, HeadersBeyondTheLimitsDoNotChangeTheAnswer) {
    std::string many;
    for (int i = 0; i < 101; ++i) many.append("A: b\r\n");
    std::string large;
    for (int i = 0; i < 10; ++i) large.append("A: " + std::string(4000, 'x') + "\r\n");
    for (const auto& lines : {many, large, "A: " + std::string(8200, 'x') + "\r\n"}) {
        const auto response =
            first_answer("HTTP/1.1 200 OK\r\n" + lines + "Content-Length: 8\r\n\r\nreceived");
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->status, 200);
        EXPECT_EQ(response->body, "received");
        EXPECT_FALSE(response->body_truncated);
        expect_next_is_unaffected();
    }
}

TEST_F(TransportResponseTest, AHeadWithoutEndKeepsTheStatus) {
    const auto response = first_answer("HTTP/1.1 200 OK\r\nA: " + std::string(40'000, 'x'));
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_TRUE(response->body_truncated);
    expect_next_is_unaffected();
}

// Nobody has asked it yet, so it is nobody's answer.
TEST_F(TransportResponseTest, AnAnswerBeforeTheRequestIsRefused) {
    std::promise<void> has_sent;
    LoopbackServer server([&](LoopbackSession& session) {
        if (session.number() == 0) {
            session.send(answer("too early"));
            has_sent.set_value();
        }
        session.read_request();
        session.send(answer("asked for"));
    });
    const auto outcome = start(get(server.url()));
    context_.run_one();  // up to the connect, no further
    using namespace std::chrono_literals;
    ASSERT_EQ(has_sent.get_future().wait_for(10s), std::future_status::ready);
    expect_error(finish(outcome), "malformed", "read", false);
    EXPECT_EQ(send_get(server.url())->body, "asked for");
}

TEST_F(TransportResponseTest, AnEndBeforeTheRequestIsABrokenConnection) {
    LoopbackServer server([](LoopbackSession&) {});
    const auto outcome = start(get(server.url()));
    context_.run_one();  // up to the connect, no further
    ASSERT_TRUE(server.wait_for_ended(1));
    const auto result = finish(outcome);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "http") << result.error().message;
}

TEST_F(TransportResponseTest, EarlyHintsAreNotTheAnswer) {
    std::string bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
    bytes += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer("real", "404 Not Found");
    const auto response = first_answer(bytes);
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 404);
    EXPECT_EQ(response->body, "real");
    EXPECT_EQ(response->headers.get("link"), std::nullopt);
}

TEST_F(TransportResponseTest, EndlessInterimAnswersAreMalformed) {
    LoopbackServer server([](LoopbackSession& session) {
        session.read_request();
        for (int i = 0; i < 9; ++i) session.send("HTTP/1.1 100 Continue\r\n\r\n");
        session.wait_for_close();
    });
    expect_error(send_get(server.url()), "malformed", "read", true);
}

TEST_F(TransportResponseTest, ConflictingLengthsKeepTheStatusAndCloseTheConnection) {
    for (const char* lines :
         {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
          "Content-Length: 4\r\nContent-Length: 5\r\n", "Content-Length: -4\r\n"}) {
        const auto response =
            first_answer(std::string("HTTP/1.1 202 Accepted\r\n") + lines + "\r\n0\r\n\r\n");
        ASSERT_TRUE(response.has_value()) << lines;
        EXPECT_EQ(response->status, 202);
        expect_next_is_unaffected();
    }
}

TEST_F(TransportResponseTest, ASecondAnswerIsNobodys) {
    for (const auto& unsolicited : {answer("stolen"), std::string("\r\n"), std::string("x")}) {
        const auto response = first_answer(answer("mine") + unsolicited);
        ASSERT_TRUE(response.has_value());
        EXPECT_EQ(response->body, "mine");
        expect_next_is_unaffected();
    }
}

// S-07: it comes when the first answer has long been read, before the second request.
TEST_F(TransportResponseTest, ALateSecondAnswerIsNobodys) {
    std::promise<void> has_answer;
    auto wait_for_answer = has_answer.get_future().share();
    std::promise<void> has_sent;
    LoopbackServer server([&](LoopbackSession& session) {
        session.read_request();
        session.send(answer(session.number() == 0 ? "mine" : "next"));
        if (session.number() > 0) return;
        wait_for_answer.wait();
        session.send(answer("stolen"));
        has_sent.set_value();
        session.wait_for_close();
    });
    EXPECT_EQ(send_get(server.url())->body, "mine");
    has_answer.set_value();
    has_sent.get_future().wait();
    EXPECT_EQ(send_get(server.url())->body, "next");
    EXPECT_EQ(server.connections(), 2U);
}

TEST_F(TransportResponseTest, BodiesThatMustNotBeAreNotTheNextAnswer) {
    for (const char* status : {"204 No Content", "304 Not Modified"}) {
        const auto response = first_answer(answer(answer("stolen"), status));
        ASSERT_TRUE(response.has_value());
        EXPECT_EQ(response->body, "");
        expect_next_is_unaffected();
    }
}

TEST_F(TransportResponseTest, BytesBehindTheLengthAreNotTheNextAnswer) {
    const auto response =
        first_answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n");
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->body, "ok");
    expect_next_is_unaffected();
}

// S-08: what 64 of them leave in memory is what their limits add up to.
TEST_F(TransportResponseTest, ManyEndlessBodiesAtOnceStayWithinTheirLimits) {
    constexpr std::size_t kReceivers = 64;
    LoopbackServer server([](LoopbackSession& session) {
        session.read_request();
        const bool is_chunked = session.number() % 2 == 0;
        session.send(is_chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                : "HTTP/1.1 200 OK\r\n\r\n");
        const std::string block =
            is_chunked ? "8000\r\n" + std::string(0x8000, 'x') + "\r\n" : std::string(40'000, 'x');
        for (int i = 0; i < 100; ++i) session.send(block);
    });
    std::vector<std::shared_ptr<Outcome>> outcomes;
    for (std::size_t i = 0; i < kReceivers; ++i) outcomes.push_back(start(get(server.url())));
    std::size_t kept = 0;
    for (const auto& outcome : outcomes) {
        const auto response = finish(outcome);
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->status, 200);
        EXPECT_TRUE(response->body_truncated);
        kept += (*outcome)->value().body.capacity();
    }
    EXPECT_LE(kept, kReceivers * 256 * 1024);
    EXPECT_TRUE(server.wait_for_ended(kReceivers)) << "each connection was closed";
}

TEST_F(TransportResponseTest, AnEndlessBodyIsReadUpToTheLimit) {
    LoopbackServer server([](LoopbackSession& session) {
        session.read_request();
        session.send("HTTP/1.1 200 OK\r\n\r\n");
        const std::string block(64 * 1024, 'x');
        for (int i = 0; i < 1024; ++i) session.send(block);
    });
    auto request = get(server.url());
    request.max_response_body = 100'000;
    const auto response = send(std::move(request));
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->body.size(), 100'000U);
    EXPECT_TRUE(response->body_truncated);
}

TEST_F(TransportResponseTest, AnAnnouncedHugeBodyIsNoFailure) {
    const auto response =
        first_answer("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n" +
                     std::string(300 * 1024, 'x'));
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->body.size(), 256U * 1024U);
    EXPECT_TRUE(response->body_truncated);
}

TEST_F(TransportResponseTest, EncodedBodiesStayEncoded) {
    const std::string gzip("\x1f\x8b\x08\x00 not really", 15);
    const auto response = first_answer(answer(gzip, "200 OK", "Content-Encoding: gzip\r\n"));
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->body, gzip);
}

TEST_F(TransportResponseTest, RedirectsAreAnswers) {
    LoopbackServer server(LoopbackServer::always(
        answer("", "302 Found", "Location: http://127.0.0.1:1/elsewhere\r\n")));
    const auto response = send_get(server.url());
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 302);
    EXPECT_EQ(response->headers.get("location"), "http://127.0.0.1:1/elsewhere");
    EXPECT_EQ(server.connections(), 1U);
}

}  // namespace
}  // namespace herald::http
