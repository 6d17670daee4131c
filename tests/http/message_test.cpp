#include "http/message.h"

#include <gtest/gtest.h>

namespace herald::http {
namespace {

TEST(HeadersTest, ComparesNamesWithoutCase) {
    Headers headers;
    headers.add("X-One", "1");
    headers.add("x-one", "2");
    EXPECT_EQ(headers.get("X-ONE"), "1");
    EXPECT_EQ(headers.all("x-One"), (std::vector<std::string_view>{"1", "2"}));
    EXPECT_EQ(headers.get("X-Two"), std::nullopt);
    EXPECT_TRUE(headers.all("X-Two").empty());
}

TEST(HeadersTest, SetLeavesOneLineInItsPlace) {
    Headers headers;
    headers.add("A", "1");
    headers.add("B", "2");
    headers.add("a", "3");
    headers.set("A", "4");
    headers.set("C", "5");
    ASSERT_EQ(headers.size(), 3U);
    EXPECT_EQ(headers.begin()->second, "4");
    EXPECT_EQ(headers.all("a").size(), 1U);
    EXPECT_EQ(headers.get("c"), "5");
}

class RefusedValue : public ::testing::TestWithParam<std::string> {};

TEST_P(RefusedValue, CannotBecomeAnotherLine) {
    const auto checked = validate_header("X-Field", GetParam(), "headers");
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().kind, core::ErrorKind::kInvalidArgument);
    EXPECT_EQ(checked.error().details.at("field"), "headers");
}

INSTANTIATE_TEST_SUITE_P(HeaderInjection, RefusedValue,
                         ::testing::Values("a\rb", "a\nb", "a\r\nEvil: 1",
                                           "a\r\n\r\nGET / HTTP/1.1", "\r\n", "\n", "\r",
                                           std::string("a\0b", 3), std::string("\0", 1),
                                           "a\x85"
                                           "b",
                                           "a\xC2\x85"
                                           "b",
                                           "a\xE2\x80\xA8"
                                           "b",
                                           "a\xE2\x80\xA9"
                                           "b",
                                           "a\x1b[31m", "a\x7f", "\x01", "\x0b", "\x0c", " a", "a ",
                                           "\ta", "a\t", " ", "\xED\xA0\x80", "\xFF", "\xC3\xA4",
                                           "\xE5\x98\x8A\xE5\x98\x8D"
                                           "Evil: 1",
                                           std::string(65 * 1024 + 1, 'a')));

class EveryControlByte : public ::testing::TestWithParam<int> {};

TEST_P(EveryControlByte, IsRefusedInValuesAndNames) {
    const std::string text = std::string("a") + static_cast<char>(GetParam()) + "b";
    const bool is_tab = GetParam() == '\t';
    EXPECT_EQ(validate_header("X", text, "f").has_value(), is_tab) << GetParam();
    EXPECT_FALSE(validate_header(text, "x", "f").has_value()) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(HeaderInjection, EveryControlByte, ::testing::Range(0, 32));
INSTANTIATE_TEST_SUITE_P(HeaderInjectionHigh, EveryControlByte, ::testing::Range(127, 256));

TEST(HeaderInjection, HarmlessTextStaysAsItIs) {
    for (const char* value : {"", "a b\tc", "%0d%0aEvil: 1", "=?UTF-8?B?DQpFdmlsOiAx?=",
                              "\"q\", \\", "Bearer abc.def-_~+/=", "\\r\\n"}) {
        EXPECT_TRUE(validate_header("X-Field", value, "f").has_value()) << value;
    }
    EXPECT_TRUE(
        validate_header("Authorization", "Bearer " + std::string(64 * 1024, 'a'), "f").has_value());
}

TEST(HeaderInjection, NamesAreTokens) {
    for (const char* name : {"X", "x-1", "!#$%&'*+-.^_`|~09azAZ"}) {
        EXPECT_TRUE(validate_header(name, "v", "f").has_value()) << name;
    }
    for (const char* name :
         {"", "a b", "a:", ":a", "a\r\nb", "(a)", "a/b", "a@b", "a=b", "a\"b", "{a}"}) {
        EXPECT_FALSE(validate_header(name, "v", "f").has_value()) << name;
    }
    EXPECT_FALSE(validate_header(std::string(257, 'a'), "v", "f").has_value());
}

TEST(ReservedHeaderTest, FramingAndRoutingAreOurs) {
    for (const char* name : {"Host", "host", "Content-Length", "Transfer-Encoding", "Connection",
                             "TE", "te", "Trailer", "Upgrade", "Proxy-Authorization",
                             "Proxy-Connection", "PROXY-anything", "Expect", "Keep-Alive"}) {
        EXPECT_TRUE(is_reserved_header(name)) << name;
    }
    for (const char* name :
         {"Authorization", "X-Host", "Content-Type", "TEX", "Prox", "", "Accept"}) {
        EXPECT_FALSE(is_reserved_header(name)) << name;
    }
}

bool may_be(std::string_view name, HeaderRole role) {
    return check_header_name(name, role, "f").has_value();
}

TEST(HeaderNameTest, NobodyNamesAHeaderOfTheConnectionOrOfOurs) {
    for (const char* name :
         {"Host", "content-LENGTH", "Transfer-Encoding", "Connection", "TE", "Proxy-Anything",
          "webhook-id", "Webhook-Signature", "webhook-anything", "Herald-Attempt", "herald-x",
          "Accept-Encoding", "Content-Type", "", "a b", "a:", "X\r\nY"}) {
        for (const auto role :
             {HeaderRole::kCredential, HeaderRole::kBesideOurs, HeaderRole::kWithoutOurs})
            EXPECT_FALSE(may_be(name, role)) << name;
    }
}

TEST(HeaderNameTest, WhoMayNameAuthorizationDependsOnTheAuthentication) {
    EXPECT_TRUE(may_be("Authorization", HeaderRole::kCredential));
    EXPECT_TRUE(may_be("authorization", HeaderRole::kWithoutOurs));
    EXPECT_FALSE(may_be("authorization", HeaderRole::kBesideOurs));
    EXPECT_FALSE(may_be("DPoP", HeaderRole::kBesideOurs));
    EXPECT_FALSE(may_be("User-Agent", HeaderRole::kCredential));
    EXPECT_TRUE(may_be("User-Agent", HeaderRole::kBesideOurs));
    for (const char* name : {"X-Api-Key", "Accept", "Cookie", "webhooks", "Heralds", "Hosts"})
        EXPECT_TRUE(may_be(name, HeaderRole::kBesideOurs)) << name;
}

TEST(HeaderNameTest, TheErrorSaysWhoSetsIt) {
    const auto refused = check_header_name("Webhook-Id", HeaderRole::kBesideOurs, "headers");
    EXPECT_EQ(refused.error().message,
              "headers: Webhook-Id is set by herald itself and cannot be set here");
}

}  // namespace
}  // namespace herald::http
