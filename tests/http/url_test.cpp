#include "http/url.h"

#include <gtest/gtest.h>

namespace herald::http {
namespace {

struct Accepted {
    const char* text;
    const char* host;
    std::uint16_t port;
    const char* target;
    const char* host_header;

    friend void PrintTo(const Accepted& c, std::ostream* out) { *out << c.text; }
};

class AcceptedUrl : public ::testing::TestWithParam<Accepted> {};

TEST_P(AcceptedUrl, IsTakenApart) {
    const auto url = Url::parse(GetParam().text, "url");
    ASSERT_TRUE(url.has_value()) << url.error().message;
    EXPECT_EQ(url->host, GetParam().host);
    EXPECT_EQ(url->port, GetParam().port);
    EXPECT_EQ(url->target, GetParam().target);
    EXPECT_EQ(url->host_header(), GetParam().host_header);
    EXPECT_EQ(url->text(), url->scheme + "://" + GetParam().host_header + GetParam().target);
}

INSTANTIATE_TEST_SUITE_P(
    UrlTest, AcceptedUrl,
    ::testing::Values(
        Accepted{"https://example.com", "example.com", 443, "/", "example.com"},
        Accepted{"http://example.com", "example.com", 80, "/", "example.com"},
        Accepted{"HTTPS://Example.COM/Path?Q=1", "example.com", 443, "/Path?Q=1", "example.com"},
        Accepted{"https://example.com:443/", "example.com", 443, "/", "example.com"},
        Accepted{"https://example.com:80/", "example.com", 80, "/", "example.com:80"},
        Accepted{"http://example.com:65535/a/b", "example.com", 65535, "/a/b", "example.com:65535"},
        Accepted{"https://example.com?a=b/c", "example.com", 443, "/?a=b/c", "example.com"},
        Accepted{"https://[::1]:8443/x", "::1", 8443, "/x", "[::1]:8443"},
        Accepted{"https://[2001:DB8::A]/", "2001:db8::a", 443, "/", "[2001:db8::a]"},
        Accepted{"https://127.0.0.1/%0d%0a", "127.0.0.1", 443, "/%0d%0a", "127.0.0.1"},
        Accepted{"https://a_b.example-1.com/@x:y", "a_b.example-1.com", 443, "/@x:y",
                 "a_b.example-1.com"},
        Accepted{"https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/",
                 "xn--bcher-kva.example"},
        // Sharp s keeps its own form, as in browsers today.
        Accepted{"https://B\xC3\xBC"
                 "cher.example:8443/a?b",
                 "xn--bcher-kva.example", 8443, "/a?b", "xn--bcher-kva.example:8443"},
        Accepted{"https://bu\xCC\x88"
                 "cher.example/",
                 "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"},
        Accepted{"https://fa\xC3\x9F.de", "xn--fa-hia.de", 443, "/", "xn--fa-hia.de"},
        Accepted{"https://\xE4\xBE\x8B\xE3\x80\x82"
                 "example/",
                 "xn--fsq.example", 443, "/", "xn--fsq.example"}));

class RefusedUrl : public ::testing::TestWithParam<std::string> {};

TEST_P(RefusedUrl, NamesTheFieldAndTheRule) {
    const auto url = Url::parse(GetParam(), "token_url");
    ASSERT_FALSE(url.has_value());
    EXPECT_EQ(url.error().kind, core::ErrorKind::kInvalidArgument);
    EXPECT_EQ(url.error().details.at("field"), "token_url");
    EXPECT_FALSE(url.error().details.at("rule").as_string().empty());
}

// E-42 to E-44 and the corpus of reliability.md 3.5.
INSTANTIATE_TEST_SUITE_P(
    UrlTest, RefusedUrl,
    ::testing::Values(
        "", "example.com", "//host/", "http:host", "https:/\\host", "https:host/", "http:/host",
        "://host", "gopher://host/", "file:///etc/passwd", "ftp://host/", "unix:/run/x.sock",
        "data:text/plain,x", "httpx://host/", "https//host", "https://", "https:///path",
        "https://:80/", "https://?x", "http://good.example@127.0.0.1/", "http://user:secret@host/",
        "http://127.0.0.1#@good.example/", "http://good.example\\@127.0.0.1/",
        "http://host/#fragment", "http://host/a\\b", "http://%31%32%37.0.0.1/", "http://h%6Fst/",
        "http://host:0/", "http://host:65536/", "http://host:abc/", "http://host:/",
        "http://host:-1/", "http://host:+80/", "http://host:80 /",
        "http://host:99999999999999999999/", "http://.host/", "http://host./", "http://localhost./",
        "http://a..b/", "http://./", "http://[::1/", "http://[]/", "http://[::g]/",
        "http://[127.0.0.1]/", "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/",
        "http://[::1]x/", "http://::1/", "http://ho st/", "http://host/a b", " http://host/",
        "http://host/ ", "http://host/\n", "http://host/\r\nX: y", "http://host/\t",
        std::string("http://host/\0x", 14), "http://host/\x7f", "http://host/\xC3\xA4",
        "h\xC3\xA4://host/", "http://h\xC3\xA4:s@host/", "http://host:\xC3\xA4/", "http://h\xE4st/",
        "http://\xE2\x84\x80.example/", "http://a\xE2\x80\x8E.example/",
        "http://\xE2\x91\xA0\xE2\x91\xA1\xE2\x91\xA6.0.0.1/", "http://host/\xE2\x80\xA8",
        "http://ho\"st/", "http://host<x>/", "http://a,b/", "http://a;b/",
        "http://" + std::string(64, 'a') + ".example/", "http://host/" + std::string(9000, 'a'),
        "http://" + std::string(126, 'a') + "/"));

TEST(UrlTest, AHostThatHasNoAsciiFormIsToldTheRule) {
    const auto url = Url::parse("https://a\xE2\x80\x8E.example/", "url");
    ASSERT_FALSE(url.has_value());
    EXPECT_NE(url.error().message.find("UTS 46"), std::string::npos) << url.error().message;
}

TEST(UrlTest, NeverRepeatsUserInformation) {
    const auto url = Url::parse("https://me:s3cret@host/", "url");
    ASSERT_FALSE(url.has_value());
    EXPECT_EQ(url.error().message.find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace herald::http
