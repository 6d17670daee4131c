#include "tests/http/transport_deadline_fixture.h"
#include "tests/support/test_certificates.h"

namespace herald::http {
namespace {

using namespace std::chrono_literals;
using test::LoopbackServer;
using test::LoopbackSession;

// RFC 9112 section 9.3.1: a server may close a kept connection just as the next request is written.
class TransportResendTest : public TransportDeadlineTest {
protected:
    enum class End { kClose, kReset };

    /// The first connection answers once, reads the next request and ends; later ones do as `then`
    /// says.
    LoopbackServer& serve(End end, LoopbackServer::Script then) {
        server_ = std::make_unique<LoopbackServer>(
            [end, then = std::move(then)](LoopbackSession& session) {
                if (session.number() > 0) return then(session);
                session.read_request();
                session.send(answer("first"));
                session.read_request();
                if (end == End::kReset) session.reset();
            });
        return *server_;
    }
    LoopbackServer::Script stall_at_the_second() {
        return [this](LoopbackSession& session) {
            session.read_request();
            session.send(answer("first"));
            session.read_request();
            has_stalled_ = true;
            session.wait_for_close();
        };
    }
    static Request with_id(Request request) {
        request.headers.add("webhook-id", "msg_1");
        return request;
    }

    std::unique_ptr<LoopbackServer> server_;
};

TEST_F(TransportResendTest, AKeptConnectionThatEndsUnansweredCostsNothing) {
    for (const End end : {End::kClose, End::kReset}) {
        const auto& server = serve(end, LoopbackServer::always(answer("second")));
        ASSERT_TRUE(send(post(server.url(), "1")).has_value());
        const auto response = send(with_id(post(server.url(), "2")));
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->body, "second");
        EXPECT_EQ(server.connections(), 2U);
        transport_.reset();
        ASSERT_TRUE(server_->wait_for_ended(2));
        const auto received = server_->received();
        EXPECT_TRUE(received[0].ends_with(received[1])) << "the same bytes, webhook-id included";
        EXPECT_NE(received[1].find("webhook-id: msg_1"), std::string::npos);
    }
}

TEST_F(TransportResendTest, SoDoesOneBehindTls) {
    const test::TestCertificate authority({.common_name = "Authority", .is_authority = true});
    const test::TemporaryFile file(authority.certificate_pem());
    const test::TestCertificate certificate({.names = {"IP:127.0.0.1"}}, &authority);
    for (const bool is_orderly : {true, false}) {
        const LoopbackServer server(
            [](LoopbackSession& session) {
                session.read_request();
                session.send(answer(std::to_string(session.number())));
                session.read_request();
            },
            {.chain = certificate.certificate_pem(),
             .key = certificate.key_pem(),
             .sends_close_notify = is_orderly});
        auto request = get(server.url());
        trust(request, file.path());
        ASSERT_TRUE(send(request).has_value());
        const auto response = send(request);
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->body, "1");
    }
}

TEST_F(TransportResendTest, OnceOnly) {
    const auto& server =
        serve(End::kClose, [](LoopbackSession& session) { session.read_request(); });
    ASSERT_TRUE(send(post(server.url(), "1")).has_value());
    const auto result = send(post(server.url(), "2"));
    expect_error(result, "http", "read", true);
    EXPECT_EQ(result.error().kind, core::ErrorKind::kTransient);
    EXPECT_EQ(server.connections(), 2U);
}

TEST_F(TransportResendTest, AFreshConnectionThatEndsUnansweredIsAnAnswerOfSorts) {
    const LoopbackServer server([](LoopbackSession& session) { session.read_request(); });
    expect_error(send(post(server.url(), "1")), "http", "read", true);
    EXPECT_EQ(server.connections(), 1U);
}

TEST_F(TransportResendTest, NotOnceAByteOfAnAnswerHasCome) {
    for (const char* begun : {"H", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 20"}) {
        const LoopbackServer server([begun](LoopbackSession& session) {
            session.read_request();
            session.send(answer("first"));
            session.read_request();
            session.send(begun);
        });
        ASSERT_TRUE(send(post(server.url(), "1")).has_value());
        expect_error(send(post(server.url(), "2")), "http", "read", true);
        EXPECT_EQ(server.connections(), 1U) << begun;
    }
}

TEST_F(TransportResendTest, NotWhenTimeIsUp) {
    const LoopbackServer server(stall_at_the_second());
    ASSERT_TRUE(send(post(server.url(), "1")).has_value());
    const auto outcome = start_until_stalled(post(server.url(), "2"));
    expect_error(expect_end_at(outcome, kDeadline), "timeout", "read", true);
    EXPECT_EQ(server.connections(), 1U);
}

TEST_F(TransportResendTest, NotWhenTheTransportGoes) {
    const LoopbackServer server(stall_at_the_second());
    ASSERT_TRUE(send(post(server.url(), "1")).has_value());
    const auto outcome = start_until_stalled(post(server.url(), "2"));
    transport_.reset();
    const auto result = finish(outcome);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, core::ErrorKind::kCancelled);
    EXPECT_EQ(server.connections(), 1U);
}

TEST_F(TransportResendTest, TheSecondTimeEndsAtTheSameDeadline) {
    const auto& server = serve(End::kClose, stall_after(""));
    ASSERT_TRUE(send(post(server.url(), "1")).has_value());
    const auto begun = clock_.steady_now();
    const auto outcome = start_until_stalled(post(server.url(), "2"));
    EXPECT_EQ(server.connections(), 2U);
    expect_error(expect_end_at(outcome, kDeadline), "timeout", "read", true);
    EXPECT_EQ(clock_.steady_now() - begun, kDeadline);
}

// The first time may have arrived, whatever becomes of the second.
TEST_F(TransportResendTest, AFailureToConnectAgainSaysThatSomethingWasSent) {
    resolver_.answer("once.example", {"127.0.0.1"});
    resolver_.answer("once.example", {});
    const auto& server = serve(End::kClose, LoopbackServer::always(answer("second")));
    const auto url = "http://once.example:" + std::to_string(server.port()) + "/";
    ASSERT_TRUE(send(post(url, "1")).has_value());
    const auto result = send(post(url, "2"));
    expect_error(result, "dns", "resolve", true);
}

// So it is an attempt, though the second time failed here.
TEST_F(TransportResendTest, NorIsItAFailureOfThisMachineAlone) {
    resolver_.answer("once.example", {"127.0.0.1"});
    const auto& server = serve(End::kClose, LoopbackServer::always(answer("second")));
    const auto url = "http://once.example:" + std::to_string(server.port()) + "/";
    ASSERT_TRUE(send(post(url, "1")).has_value());
    resolver_.stall("once.example");
    const auto outcome = start(post(url, "2"));
    run_until([this] { return resolver_.lookups("once.example") == 2; });
    const auto result = expect_end_at(outcome, options_.resolve_timeout);
    expect_error(result, "timeout", "resolve", true);
    EXPECT_FALSE(result.error().details.contains("local"));
}

}  // namespace
}  // namespace herald::http
