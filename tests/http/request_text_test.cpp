#include "http/beast/request_text.h"

#include <gtest/gtest.h>

namespace herald::http {
namespace {

Request request(std::string method, std::string body = {}) {
    Request made;
    made.method = std::move(method);
    made.url = *Url::parse("https://example.com:8443/a?b=c", "url");
    made.body = std::move(body);
    return made;
}

TEST(RequestTextTest, WritesWhatStandsOnTheWire) {
    auto post = request("POST", "{}");
    post.headers.add("webhook-id", "cal_1");
    EXPECT_EQ(*request_text(post),
              "POST /a?b=c HTTP/1.1\r\nHost: example.com:8443\r\nwebhook-id: cal_1\r\n"
              "Accept-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}");
}

TEST(RequestTextTest, SaysTheLengthWhereABodyIsExpected) {
    for (const char* method : {"POST", "PUT", "PATCH"}) {
        EXPECT_NE(request_text(request(method))->find("\r\nContent-Length: 0\r\n"),
                  std::string::npos)
            << method;
    }
    for (const char* method : {"GET", "DELETE", "HEAD", "OPTIONS"}) {
        EXPECT_EQ(request_text(request(method))->find("Content-Length"), std::string::npos)
            << method;
    }
    EXPECT_NE(request_text(request("DELETE", "x"))->find("\r\nContent-Length: 1\r\n"),
              std::string::npos);
}

TEST(RequestTextTest, LeavesTheCallersEncodings) {
    auto get = request("GET");
    get.headers.add("accept-encoding", "br");
    EXPECT_EQ(request_text(get)->find("identity"), std::string::npos);
}

TEST(RequestTextTest, RefusesWhatCouldBecomeAnotherRequest) {
    std::vector<Request> bad;
    for (const char* method :
         {"", "GET /x HTTP/1.1\r\n", "PO ST", "CONNECT", "TRACE", "G\xC3\x84T"}) {
        bad.push_back(request(method));
    }
    for (const char* target : {"", "x", "/a b", "/a\r\nX: y", "/\x01", "/\xC3\xA4", "*"}) {
        bad.push_back(request("GET"));
        bad.back().url.target = target;
    }
    for (const char* host : {"a\r\nX: y", " a", "a\n"}) {
        bad.push_back(request("GET"));
        bad.back().url.host = host;
    }
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, std::string>>{{"Authorization", "Bearer a\r\nX: y"},
                                                          {"X\r\nY", "a"},
                                                          {"X", std::string("a\0", 2)},
                                                          {"", "a"}}) {
        bad.push_back(request("GET"));
        bad.back().headers.add(name, value);
    }
    for (const char* name : {"Host", "Content-Length", "Transfer-Encoding", "Connection", "TE",
                             "Trailer", "Upgrade", "Proxy-Authorization", "Expect"}) {
        bad.push_back(request("GET"));
        bad.back().headers.add(name, "1");
    }
    for (const auto& one : bad) {
        const auto text = request_text(one);
        ASSERT_FALSE(text.has_value());
        EXPECT_EQ(text.error().code, "invalid_argument");
    }
}

}  // namespace
}  // namespace herald::http
