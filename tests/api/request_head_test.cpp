#include "api/request_head.h"

#include <gtest/gtest.h>

namespace herald::api {
namespace {

std::string request(const std::string& fields,
                    const std::string& line = "POST /v1/events HTTP/1.1") {
    return line + "\r\nHost: x\r\n" + fields + "\r\n";
}

TEST(RequestHeadTest, ReadsWhatTheApiNeeds) {
    const auto head = parse_request_head(
        request("Content-Length: 12\r\ncontent-TYPE: application/json \r\nIdempotency-Key: k "
                "1\r\nX-Other: y\r\n",
                "POST /v1/callouts?state=dead&since=2026-11-21T08%3A00%3A00Z&e= HTTP/1.1"));
    ASSERT_TRUE(head);
    EXPECT_EQ(head->method, "POST");
    EXPECT_EQ(head->path, "/v1/callouts");
    EXPECT_EQ(head->query.at("since"), "2026-11-21T08:00:00Z");
    EXPECT_EQ(head->query.at("e"), "");
    EXPECT_EQ(head->headers.at("content-type"), "application/json");
    EXPECT_EQ(head->headers.at("idempotency-key"), "k 1");
    EXPECT_EQ(head->headers.size(), 2U);
    EXPECT_EQ(head->content_length, 12U);
    EXPECT_TRUE(head->keep_alive);
    EXPECT_FALSE(head->chunked);
}

TEST(RequestHeadTest, NobodySetsTheActorFromOutside) {
    const auto head = parse_request_head(request("Herald-Actor: root\r\n"));
    ASSERT_TRUE(head);
    EXPECT_FALSE(head->headers.contains("herald-actor"));
}

TEST(RequestHeadTest, RefusesAmbiguousFraming) {
    const std::vector<std::string> bad = {
        request("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        request("Content-Length: 5\r\nContent-Length: 5\r\n"),
        request("Content-Length: 5, 5\r\n"),
        request("Content-Length:  5\r\n"),
        request("Content-Length: +5\r\n"),
        request("Content-Length: -1\r\n"),
        request("Content-Length: 18446744073709551616\r\n"),
        request("Content-Length: 0x5\r\n"),
        request("Content-Length:\r\n"),
        request("Transfer-Encoding: chunked, identity\r\n"),
        request("Transfer-Encoding: gzip\r\n"),
        request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        request("X-Folded: a\r\n b\r\n"),
        request("Content-Length : 5\r\n"),
        request("X-Lf: a\nContent-Length: 5\r\n"),
        request(std::string("X-Nul: a\0b\r\n", 12)),
        request("X-Cr: a\rb\r\n"),
        request(": no name\r\n"),
        request("no colon\r\n"),
        request("Host: y\r\n"),
        request("Idempotency-Key: a\r\nIdempotency-Key: b\r\n"),
        request("", "POST  /v1/events HTTP/1.1"),
        request("", "POST /v1/events HTTP/2.0"),
        request("", "POST http://x/v1/events HTTP/1.1"),
        request("", "POST /v1/a b HTTP/1.1"),
        request("", "PO ST /v1/events HTTP/1.1"),
        request("", "POST /v1/events"),
        request("", "GET /v1/callouts?a=%2 HTTP/1.1"),
        request("", "GET /v1/callouts?a=1&a=2 HTTP/1.1"),
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n",
    };
    for (const std::string& text : bad) {
        const auto head = parse_request_head(text);
        ASSERT_FALSE(head) << text;
        EXPECT_EQ(head.error().code, "malformed_request") << text;
    }
}

TEST(RequestHeadTest, RefusesMoreThan64Fields) {
    std::string fields;
    for (int i = 0; i < 63; ++i) fields += "X-" + std::to_string(i) + ": v\r\n";
    EXPECT_TRUE(parse_request_head(request(fields)));
    EXPECT_FALSE(parse_request_head(request(fields + "X-63: v\r\n")));
}

TEST(RequestHeadTest, TheConnectionEndsWhereAskedAndInHttp10) {
    EXPECT_FALSE(parse_request_head(request("Connection: Close\r\n"))->keep_alive);
    EXPECT_FALSE(parse_request_head("GET / HTTP/1.0\r\n\r\n")->keep_alive);
}

}  // namespace
}  // namespace herald::api
