#include "api/request_reader.h"

#include <gmock/gmock.h>

namespace herald::api {
namespace {

using Progress = RequestReader::Progress;

struct Read {
    std::string outcome;  ///< body, or the status of the refusal
    std::size_t requests = 0;
    bool operator==(const Read&) const = default;
};

// All requests of `text`, which arrives in pieces of `size`.
Read read_in_pieces(std::string_view text, std::size_t size) {
    RequestReader reader({.body = 64, .ndjson_body = 128});
    Read out;
    while (!text.empty()) {
        auto progress = reader.take(text.substr(0, size));
        text.remove_prefix(std::min(size, text.size()));
        while (progress &&
               (*progress == Progress::kComplete || *progress == Progress::kWantsContinue)) {
            if (*progress == Progress::kComplete) {
                ++out.requests;
                out.outcome += "[" + reader.body() + "]";
                reader.next();
            } else {
                out.outcome += "continue ";
            }
            progress = reader.take({});
        }
        if (!progress) {
            out.outcome += std::to_string(reader_status(progress.error()));
            return out;
        }
    }
    return out;
}

std::string post(const std::string& fields, const std::string& body) {
    return "POST /v1/events HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body;
}

TEST(RequestReaderTest, ReadsTheSameInWhateverPiecesItArrives) {
    const std::string get = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    const std::string chunks = "Transfer-Encoding: chunked\r\n";
    const std::vector<std::pair<std::string, Read>> table = {
        {get + get, {"[][]", 2}},
        {post("Content-Length: 2\r\n", "{}") + get, {"[{}][]", 2}},
        {post(chunks, "1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX: 1\r\n\r\n") + get, {"[{}][]", 2}},
        {post("Expect: 100-continue\r\nContent-Length: 2\r\n", "{}"), {"continue [{}]", 1}},
        {post("Content-Length: 65\r\n", "{}"), {"413", 0}},
        {post("Content-Type: application/x-ndjson\r\nContent-Length: 65\r\n", std::string(65, 'a')),
         {"[" + std::string(65, 'a') + "]", 1}},
        {post(chunks, "40\r\n" + std::string(64, 'a') + "\r\n1\r\n"), {"413", 0}},
        {post(chunks, "2\r\n{}X\r\n"), {"400", 0}},
        {post(chunks, "+2\r\n"), {"400", 0}},
        {post(chunks, std::string(1100, '0')), {"400", 0}},
        {post(chunks + "Content-Length: 2\r\n", "{}"), {"400", 0}},
        {"GET /livez HTTP/1.1\nHost: x\n\n", {"400", 0}},
        {"GET / HTTP/1.1\r\nX: " + std::string(33'000, 'a'), {"431", 0}},
    };
    for (const auto& [text, expected] : table) {
        for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
            const Read read = read_in_pieces(text, size);
            EXPECT_EQ(read.outcome, expected.outcome) << size << ": " << text.substr(0, 200);
            EXPECT_EQ(read.requests, expected.requests) << size << ": " << text.substr(0, 200);
        }
    }
}

TEST(RequestReaderTest, EndlessTrailersAreRefused) {
    std::string text = post("Transfer-Encoding: chunked\r\n", "0\r\n");
    for (int i = 0; i < 100; ++i) text += "X: 1\r\n";
    EXPECT_EQ(read_in_pieces(text, 100'000).outcome, "400");
}

TEST(RequestReaderTest, AnIdleConnectionHoldsNothing) {
    RequestReader reader({});
    const std::string body(100'000, 'a');
    ASSERT_EQ(reader.take(post("Content-Length: 100000\r\n", body)).value(), Progress::kComplete);
    EXPECT_GE(reader.held(), body.size());
    reader.next();
    EXPECT_LT(reader.held(), 100U);
}

}  // namespace
}  // namespace herald::api
