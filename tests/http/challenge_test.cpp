#include <gtest/gtest.h>

#include "http/retry_after.h"

namespace herald::http {
namespace {

std::vector<Challenge> parse(const std::vector<std::string>& lines) {
    static const std::string kName = "WWW-Authenticate";
    Headers headers;
    for (const auto& line : lines) headers.add(kName, line);
    return parse_challenges(headers);
}

TEST(ChallengeTest, ReadsOneWithParameters) {
    const auto found =
        parse({R"(Bearer realm="api", error="invalid_token", error_description="a \"b\", c")"});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].scheme, "bearer");
    EXPECT_EQ(found[0].parameter("realm"), "api");
    EXPECT_EQ(found[0].parameter("ERROR"), "invalid_token");
    EXPECT_EQ(found[0].parameter("error_description"), R"(a "b", c)");
    EXPECT_EQ(found[0].parameter("scope"), std::nullopt);
}

TEST(ChallengeTest, SeparatesChallengesInOneLineAndInSeveral) {
    const auto found = parse(
        {R"(Basic realm="a, b=c", Newauth title="x" , type = 1)", "Bearer", "Digest qop=auth"});
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].parameter("realm"), "a, b=c");
    EXPECT_EQ(found[1].scheme, "newauth");
    EXPECT_EQ(found[1].parameter("type"), "1");
    EXPECT_EQ(found[2].scheme, "bearer");
    EXPECT_TRUE(found[2].parameters.empty());
    EXPECT_EQ(found[3].parameter("qop"), "auth");
}

TEST(ChallengeTest, PassesOverToken68) {
    const auto found =
        parse({R"(Negotiate a87421000492aa874209af8bc028==, Bearer error="invalid_token")",
               "NTLM abc", "Custom a+/b=="});
    ASSERT_EQ(found.size(), 4U);
    EXPECT_TRUE(found[0].parameters.empty());
    EXPECT_EQ(found[1].parameter("error"), "invalid_token");
    EXPECT_TRUE(found[2].parameters.empty());
    EXPECT_TRUE(found[3].parameters.empty());
}

TEST(ChallengeTest, SkipsWhatIsMalformedAndReadsOn) {
    const auto found =
        parse({R"(,, , Bearer (x), realm="r", error=, scope="open)",
               R"("quoted" Basic, ("x", Bearer a="1")", R"(a="belongs to nobody", Bearer b="2")"});
    ASSERT_GE(found.size(), 3U);
    EXPECT_EQ(found[0].parameter("realm"), "r");
    EXPECT_EQ(found[0].parameter("error"), std::nullopt);
    EXPECT_EQ(found[0].parameter("scope"), std::nullopt);
    EXPECT_EQ(found[1].parameter("a"), "1");
    EXPECT_EQ(found[2].parameter("a"), std::nullopt);
    EXPECT_EQ(found[2].parameter("b"), "2");
}

TEST(ChallengeTest, KeepsAnEmptyQuotedValue) {
    const auto found = parse({R"(Bearer realm="")"});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].parameter("realm"), "");
}

TEST(ChallengeTest, StopsAt64) {
    std::string line;
    for (int i = 0; i < 1000; ++i) line.append("Bearer,");
    EXPECT_EQ(parse({line, line}).size(), 64U);
}

TEST(ChallengeTest, SurvivesEveryPrefixAndEveryByte) {
    const std::string line = R"(Basic realm="a\"b", Bearer error = "x", scope=y, Negotiate ab==)";
    for (std::size_t size = 0; size <= line.size(); ++size) {
        EXPECT_LE(parse({line.substr(0, size)}).size(), 3U);
        for (const char strange : {'"', '\\', ',', '=', ' ', '\xFF'}) {
            EXPECT_LE(parse({line.substr(0, size) + strange + line.substr(size)}).size(), 5U);
        }
    }
}

}  // namespace
}  // namespace herald::http
