#include <boost/asio/post.hpp>

#include "tests/http/transport_deadline_fixture.h"

namespace herald::http {
namespace {

using test::LoopbackServer;
using test::LoopbackSession;

struct Reference {
    const char* name;
    int status;
    std::string head;  ///< all up to and with the end of the final status line
    std::string rest;
    std::string body;
    bool ends_with_connection = false;

    [[nodiscard]] std::string bytes() const { return head + rest; }
    friend void PrintTo(const Reference& reference, std::ostream* out) { *out << reference.name; }
};

enum class Cut { kClose, kReset };

// E-71 to E-73: the connection ends behind every single byte of a response. The server has two
// kinds of connections by turns: one that is cut and one that is well.
class TransportCutTest : public TransportDeadlineTest,
                         public ::testing::WithParamInterface<std::tuple<Reference, Cut>> {
protected:
    ~TransportCutTest() override { tap_.open(); }

    [[nodiscard]] static const Reference& reference() { return std::get<0>(GetParam()); }
    [[nodiscard]] static Cut cut() { return std::get<1>(GetParam()); }

    void serve(LoopbackSession& session) {
        session.read_request();
        if (session.number() % 2 == 1) {
            session.send(answer("next", "200 OK", "Connection: close\r\n"));
            return session.wait_for_close();
        }
        session.send(reference().bytes().substr(0, offset_));
        has_stalled_ = true;
        boost::asio::post(context_, [] {});  // whoever runs it looks again
        tap_.wait();
        if (cut() == Cut::kReset) session.reset();
    }

    // The cut comes when everything before it has been read: a reset may overtake bytes.
    core::Result<Response> first_bytes(std::size_t offset) {
        offset_ = offset;
        has_stalled_ = false;
        const auto outcome = start_until_stalled(post(server_->url(), "x"));
        poll();
        tap_.drop();
        return finish(outcome);
    }

    static void expect_outcome(const core::Result<Response>& result, std::size_t offset) {
        if (offset < reference().head.size()) {
            expect_error(result, "http", "read", true);
            EXPECT_EQ(result.error().kind, core::ErrorKind::kTransient);
            return;
        }
        ASSERT_TRUE(result.has_value()) << result.error().message;
        const bool has_blank_line =
            reference().bytes().substr(0, offset).find("\r\n\r\n", reference().head.size() - 2) !=
            std::string::npos;
        const bool is_whole = reference().ends_with_connection
                                  ? has_blank_line && cut() == Cut::kClose
                                  : offset == reference().bytes().size();
        EXPECT_EQ(result->status, reference().status);
        EXPECT_EQ(result->body_truncated, !is_whole);
        EXPECT_TRUE(reference().body.starts_with(result->body)) << result->body;
        if (offset < reference().bytes().size()) return;
        EXPECT_EQ(result->body, reference().body);
    }

    std::atomic<std::size_t> offset_ = 0;
    Tap tap_;
    std::unique_ptr<LoopbackServer> server_;
};

TEST_P(TransportCutTest, EveryByteMayBeTheLast) {
    server_ =
        std::make_unique<LoopbackServer>([this](LoopbackSession& session) { serve(session); });
    for (std::size_t offset = 0; offset <= reference().bytes().size(); ++offset) {
        SCOPED_TRACE("cut behind byte " + std::to_string(offset));
        expect_outcome(first_bytes(offset), offset);
        ASSERT_TRUE(server_->wait_for_ended(2 * offset + 1));
        const auto next = send(post(server_->url(), "y"));
        ASSERT_TRUE(next.has_value()) << next.error().message;
        EXPECT_EQ(next->body, "next");
        ASSERT_TRUE(server_->wait_for_ended(2 * offset + 2)) << "a connection leaked";
        ASSERT_EQ(server_->connections(), 2 * offset + 2) << "the next went over a cut connection";
        if (HasFailure()) return;
    }
    expect_free();
}

INSTANTIATE_TEST_SUITE_P(
    Responses, TransportCutTest,
    ::testing::Combine(
        ::testing::Values(Reference{"length", 200, "HTTP/1.1 200 OK\r\n",
                                    "Content-Length: 5\r\n\r\nhello", "hello"},
                          Reference{"chunks and trailer", 201, "HTTP/1.1 201 Created\r\n",
                                    "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n "
                                    "world\r\n0\r\nTrailer: x\r\n\r\n",
                                    "hello world"},
                          Reference{"hints first", 503,
                                    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
                                    "HTTP/1.1 503 Busy\r\n",
                                    "Content-Length: 2\r\n\r\nno", "no"},
                          Reference{"until closed", 200, "HTTP/1.1 200 OK\r\n",
                                    "X: y\r\n\r\nall of it", "all of it", true},
                          Reference{"no body", 204, "HTTP/1.1 204 No Content\r\n", "X: y\r\n\r\n",
                                    ""}),
        ::testing::Values(Cut::kClose, Cut::kReset)));

}  // namespace
}  // namespace herald::http
