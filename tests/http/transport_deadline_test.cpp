#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "tests/http/transport_deadline_fixture.h"

namespace herald::http {
namespace {

using namespace std::chrono_literals;
using test::LoopbackServer;
using test::LoopbackSession;

// S-09, E-86, E-88: on virtual time a request ends exactly when its time is up, wherever it hangs.

TEST_F(TransportDeadlineTest, ANameServerIsSilent) {
    resolver_.stall("silent.example");
    const auto outcome = start(get("http://silent.example/"));
    const auto result = expect_end_at(outcome, options_.resolve_timeout);
    expect_error(result, "resolver_unavailable", "resolve", false);
    EXPECT_TRUE(result.error().details.at("local").as_bool()) << "the receiver has no part in it";
    expect_free(Lookups::kStillRunning);
}

TEST_F(TransportDeadlineTest, TheWholeDeadlineLimitsTheLookupToo) {
    resolver_.stall("silent.example");
    auto request = get("http://silent.example/");
    request.deadline = clock_.steady_now() + 700ms;
    const auto outcome = start(std::move(request));
    expect_error(expect_end_at(outcome, 700ms), "resolver_unavailable", "resolve", false);
}

// A listener whose queue is full: the kernel drops every further SYN.
class FullListener {
public:
    FullListener()
        : listener_(::socket(AF_INET, SOCK_STREAM, 0)), filler_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        void* const raw = &address;
        ::bind(listener_, static_cast<sockaddr*>(raw), size);
        ::listen(listener_, 0);
        ::getsockname(listener_, static_cast<sockaddr*>(raw), &size);
        ::connect(filler_, static_cast<sockaddr*>(raw), size);
        port_ = ntohs(address.sin_port);
    }
    ~FullListener() {
        ::close(filler_);
        ::close(listener_);
    }
    FullListener(const FullListener&) = delete;
    FullListener& operator=(const FullListener&) = delete;
    [[nodiscard]] std::string port() const { return std::to_string(port_); }

private:
    int listener_;
    int filler_;
    std::uint16_t port_ = 0;
};

TEST_F(TransportDeadlineTest, NobodyAnswersTheConnect) {
    const FullListener listener;
    const auto outcome = start(get("http://127.0.0.1:" + listener.port() + "/"));
    expect_error(expect_end_at(outcome, 5s), "timeout", "connect", false);
    expect_free();
}

TEST_F(TransportDeadlineTest, ADeadFirstAddressLeavesTimeForTheSecond) {
    const FullListener listener;
    resolver_.answer("two.example", {"127.0.0.1", "127.0.0.1"});
    const auto outcome = start(get("http://two.example:" + listener.port() + "/"));
    poll();
    clock_.advance(2500ms);
    poll();
    EXPECT_FALSE(outcome->has_value());
    expect_error(expect_end_at(outcome, 2500ms), "timeout", "connect", false);
}

TEST_F(TransportDeadlineTest, TheTlsHandshakeHangs) {
    LoopbackServer server([this](LoopbackSession& session) {
        session.read_some();  // the ClientHello
        has_stalled_ = true;
        session.wait_for_close();
    });
    const auto outcome =
        start_until_stalled(get("https://127.0.0.1:" + std::to_string(server.port()) + "/"));
    expect_error(expect_end_at(outcome, options_.tls_timeout), "timeout", "tls", false);
    EXPECT_TRUE(server.wait_for_ended(1)) << "the connection is closed";
    expect_free();
}

TEST_F(TransportDeadlineTest, TheReceiverStopsReading) {
    LoopbackServer server([this](LoopbackSession& session) {
        session.read_some();
        has_stalled_ = true;
        is_over_.get_future().wait();
    });
    const auto outcome = start_until_stalled(post(server.url(), std::string(64'000'000, 'x')));
    expect_error(expect_end_at(outcome, kDeadline), "timeout", "write", true);
    is_over_.set_value();
    expect_free();
}

struct Stall {
    const char* name;
    const char* bytes;
    friend void PrintTo(const Stall& stall, std::ostream* out) { *out << stall.name; }
};

class BeforeTheStatus : public TransportDeadlineTest,
                        public ::testing::WithParamInterface<Stall> {};

TEST_P(BeforeTheStatus, IsATimeout) {
    LoopbackServer server(stall_after(GetParam().bytes));
    const auto outcome = start_until_stalled(post(server.url(), "x"));
    const auto result = expect_end_at(outcome, kDeadline);
    expect_error(result, "timeout", "read", true);
    EXPECT_EQ(result.error().kind, core::ErrorKind::kTransient);
    EXPECT_TRUE(server.wait_for_ended(1)) << "the connection is closed";
    expect_free();
}

INSTANTIATE_TEST_SUITE_P(
    Stalls, BeforeTheStatus,
    ::testing::Values(Stall{"silence", ""}, Stall{"status line", "HTTP/1.1 20"},
                      Stall{"reason", "HTTP/1.1 200 O"},
                      Stall{"interim header", "HTTP/1.1 103 Early Hints\r\nA: b\r\n"},
                      Stall{"interim only", "HTTP/1.1 103 Early Hints\r\n\r\n"}));

class AfterTheStatus : public TransportDeadlineTest, public ::testing::WithParamInterface<Stall> {};

// The status decides, as with a body that was cut (E-72).
TEST_P(AfterTheStatus, IsATruncatedResponse) {
    LoopbackServer server(stall_after(std::string("HTTP/1.1 202 Accepted\r\n") + GetParam().bytes));
    const auto outcome = start_until_stalled(post(server.url(), "x"));
    const auto result = expect_end_at(outcome, kDeadline);
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(result->status, 202);
    EXPECT_TRUE(result->body_truncated);
    EXPECT_TRUE(server.wait_for_ended(1)) << "the connection is closed";
    expect_free();
}

INSTANTIATE_TEST_SUITE_P(
    Stalls, AfterTheStatus,
    ::testing::Values(Stall{"head", ""}, Stall{"header", "Content-Le"},
                      Stall{"before the blank line", "A: b\r\n"},
                      Stall{"body", "Content-Length: 10\r\n\r\nhalf"},
                      Stall{"no body", "Content-Length: 10\r\n\r\n"},
                      Stall{"until close", "\r\nbytes"},
                      Stall{"chunk size", "Transfer-Encoding: chunked\r\n\r\n5"},
                      Stall{"chunk extension", "Transfer-Encoding: chunked\r\n\r\n5;x"},
                      Stall{"chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"},
                      Stall{"trailer", "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n"}));

TEST_F(TransportDeadlineTest, APastDeadlineSendsNothing) {
    LoopbackServer server(LoopbackServer::always(answer("ok")));
    auto request = get(server.url());
    request.deadline = clock_.steady_now();
    expect_error(send(std::move(request)), "timeout", "resolve", false);
    EXPECT_EQ(server.connections(), 0U);
}

TEST_F(TransportDeadlineTest, EachRequestEndsAtItsOwnTime) {
    LoopbackServer server([](LoopbackSession& session) { session.wait_for_close(); });
    std::vector<std::shared_ptr<Outcome>> outcomes;
    for (const auto limit : {9s, 3s, 6s, 3s}) {  // later ones before and behind the earliest
        auto request = get(server.url());
        request.deadline = clock_.steady_now() + limit;
        outcomes.push_back(start(std::move(request)));
    }
    run_until([&server] { return server.connections() == 4; });
    const auto ended = [&] {
        poll();
        return std::count_if(outcomes.begin(), outcomes.end(),
                             [](const auto& one) { return one->has_value(); });
    };
    clock_.advance(2999ms);
    EXPECT_EQ(ended(), 0);
    clock_.advance(1ms);
    EXPECT_EQ(ended(), 2);
    clock_.advance(3s);
    EXPECT_EQ(ended(), 3);
    clock_.advance(3s);
    EXPECT_EQ(ended(), 4);
}

}  // namespace
}  // namespace herald::http
