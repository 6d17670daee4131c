#include "tests/http/transport_deadline_fixture.h"

namespace herald::http {
namespace {

using namespace std::chrono_literals;
using test::LoopbackServer;
using test::LoopbackSession;

constexpr auto kPause = 2s;

/// `before` at once, then one piece of `pieces` after another, over and over.
struct Drip {
    const char* name;
    int status;  ///< 0: none is known before the time is up
    std::string before;
    std::string pieces;
    std::size_t piece = 1;

    [[nodiscard]] std::string_view at(std::size_t number) const {
        return std::string_view(pieces).substr(number * piece % pieces.size(), piece);
    }
    friend void PrintTo(const Drip& drip, std::ostream* out) { *out << drip.name; }
};

// S-09, E-88, P6: every byte is in time, all of them are not.
class TransportDripTest : public TransportDeadlineTest {
protected:
    ~TransportDripTest() override { tap_.open(); }

    // `begin` reads what comes first; then a piece goes out for each drop.
    template <class Begin>
    LoopbackServer& serve(const Drip& drip, Begin begin) {
        server_ = std::make_unique<LoopbackServer>([this, drip, begin](LoopbackSession& session) {
            begin(session);
            session.send(drip.before);
            has_stalled_ = true;
            for (std::size_t i = 0; tap_.wait(); ++i) {
                session.send(drip.at(i));
                ++sent_;
            }
            session.wait_for_close();
        });
        return *server_;
    }
    LoopbackServer& serve(const Drip& drip) {
        return serve(drip, [](LoopbackSession& session) { session.read_request(); });
    }

    void drop_after_a_pause() {
        const int wanted = sent_ + 1;
        clock_.advance(kPause);
        tap_.drop();
        run_until([&] { return sent_ == wanted; });
        poll();
    }

    // Drips on; true where the request is still under way just before `limit`.
    void drip_until(const std::shared_ptr<Outcome>& outcome, std::chrono::milliseconds limit) {
        auto now = 0ms;
        for (; now + kPause < limit; now += kPause) {
            drop_after_a_pause();
            ASSERT_FALSE(outcome->has_value()) << "ended after " << now.count() << " ms";
        }
        clock_.advance(limit - now - 1ms);
        poll();
        ASSERT_FALSE(outcome->has_value()) << "ended too early";
        clock_.advance(1ms);
    }

    void expect_closed_and_free() {
        tap_.open();
        EXPECT_TRUE(server_->wait_for_ended(1)) << "the connection is closed";
        expect_free();
    }

    Tap tap_;
    std::atomic<int> sent_ = 0;
    std::unique_ptr<LoopbackServer> server_;
};

class DrippedResponse : public TransportDripTest, public ::testing::WithParamInterface<Drip> {};

TEST_P(DrippedResponse, IsCutAtTheTotalDeadline) {
    const auto& drip = GetParam();
    const auto& server = serve(drip);
    static_cast<void>(transport());
    const auto descriptors = open_descriptors();
    const auto outcome = start_until_stalled(post(server.url(), "x"));
    drip_until(outcome, kDeadline);
    const auto result = finish(outcome);
    if (drip.status == 0) {
        expect_error(result, "timeout", "read", true);
    } else {
        ASSERT_TRUE(result.has_value()) << result.error().message;
        EXPECT_EQ(result->status, drip.status);
        EXPECT_TRUE(result->body_truncated);
    }
    expect_closed_and_free();
    transport_.reset();
    EXPECT_EQ(open_descriptors(), descriptors) << "a descriptor leaked";
}

const std::string kHead = "HTTP/1.1 202 Accepted\r\n";
const std::string kChunked = kHead + "Transfer-Encoding: chunked\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    Pieces, DrippedResponse,
    ::testing::Values(
        Drip{"status line", 0, "", "HTTP/1.1 200 A reason without an end"},
        Drip{"header line", 202, kHead, "A: a value without an end"},
        Drip{"header lines", 202, kHead, "A: b\r\n", 6},
        Drip{"interim answer", 0, "", "HTTP/1.1 103 Early Hints"},
        Drip{"interim header lines", 0, "HTTP/1.1 103 Early Hints\r\n", "A: b\r\n", 6},
        Drip{"length-delimited body", 202, kHead + "Content-Length: 1000\r\n\r\n", "x"},
        Drip{"close-delimited body", 202, kHead + "\r\n", "x"},
        Drip{"chunk size", 202, kChunked, "0000000000000000"},
        Drip{"chunk extension", 202, kChunked + "5", ";extension=without-an-end"},
        Drip{"chunk", 202, kChunked + "ff\r\n", "x"},
        Drip{"chunks", 202, kChunked, "1\r\nx\r\n", 6},
        Drip{"trailer line", 202, kChunked + "0\r\n", "A: a value without an end"},
        Drip{"trailer lines", 202, kChunked + "0\r\n", "A: b\r\n", 6}));

TEST_F(TransportDripTest, InterimAnswersEndTheRequestAtTheNinth) {
    const auto& server = serve({"interim", 0, "", "HTTP/1.1 102 Processing\r\n\r\n", 27});
    const auto outcome = start_until_stalled(post(server.url(), "x"));
    for (int i = 1; i <= 8; ++i) {
        drop_after_a_pause();
        ASSERT_FALSE(outcome->has_value()) << i;
    }
    drop_after_a_pause();
    expect_error(finish(outcome), "malformed", "read", true);
    expect_closed_and_free();
}

TEST_F(TransportDripTest, AHandshakeEndsAtItsOwnLimit) {
    const std::string record_of_16k("\x16\x03\x03\x40\x00", 5);
    const auto& server = serve({"handshake", 0, record_of_16k, "x"},
                               [](LoopbackSession& session) { session.read_some(); });
    const auto outcome =
        start_until_stalled(get("https://127.0.0.1:" + std::to_string(server.port()) + "/"));
    drip_until(outcome, options_.tls_timeout);
    expect_error(finish(outcome), "timeout", "tls", false);
    expect_closed_and_free();
}

// A window that opens a little at a time does not count as progress.
TEST_F(TransportDripTest, ARequestThatIsReadSlowlyEndsAtTheTotalDeadline) {
    server_ = std::make_unique<LoopbackServer>([this](LoopbackSession& session) {
        has_stalled_ = true;
        while (tap_.wait()) {
            session.read_some();
            ++sent_;
        }
    });
    const auto outcome = start_until_stalled(post(server_->url(), std::string(64'000'000, 'x')));
    drip_until(outcome, kDeadline);
    expect_error(finish(outcome), "timeout", "write", true);
    expect_closed_and_free();
}

}  // namespace
}  // namespace herald::http
