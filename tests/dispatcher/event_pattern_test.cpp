#include "dispatcher/event_pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace herald::dispatcher {
namespace {

TEST(EventPatternTest, AcceptsTypesOfDottedSegments) {
    const std::string longest(128, 'a');
    for (const std::string_view type :
         {"a", "invoice.posted", "Invoice_2.line-item.x", longest.c_str()}) {
        EXPECT_TRUE(validate_event_type(type)) << type;
    }
}

TEST(EventPatternTest, RefusesOtherTypesAndNamesTheField) {
    for (const std::string& type :
         {std::string(), std::string("."), std::string(".a"), std::string("a."),
          std::string("a..b"), std::string("a b"), std::string("a/b"), std::string("*"),
          std::string("a.*"), std::string("\xC3\xA4"), std::string("a\0b", 3), std::string("a\n"),
          std::string(129, 'a')}) {
        const auto result = validate_event_type(type);
        ASSERT_FALSE(result) << type;
        EXPECT_EQ(result.error().code, "invalid_argument");
        EXPECT_EQ(result.error().details.at("field").as_string(), "type");
    }
}

TEST(EventPatternTest, AcceptsExactPrefixAndStar) {
    for (const std::string_view pattern : {"*", "invoice.posted", "invoice.*", "a.b.c.*"}) {
        EXPECT_TRUE(validate_event_pattern(pattern)) << pattern;
    }
}

TEST(EventPatternTest, RefusesStarsElsewhere) {
    for (const std::string_view pattern :
         {"", ".*", "*.posted", "invoice*", "a.*.b", "**", "a.**", "a..*", "a b.*"}) {
        EXPECT_FALSE(validate_event_pattern(pattern)) << pattern;
    }
    EXPECT_FALSE(validate_event_pattern(std::string(127, 'a') + ".*"));
}

struct MatchCase {
    std::string_view pattern, type;
    bool expected;
};

class EventPatternMatchTest : public testing::TestWithParam<MatchCase> {};

TEST_P(EventPatternMatchTest, FitsAsTheTableSays) {
    EXPECT_EQ(matches(GetParam().pattern, GetParam().type), GetParam().expected)
        << GetParam().pattern << " against " << GetParam().type;
}

INSTANTIATE_TEST_SUITE_P(
    Table, EventPatternMatchTest,
    testing::Values(MatchCase{"*", "a", true}, MatchCase{"*", "a.b.c", true},
                    MatchCase{"a.b", "a.b", true}, MatchCase{"a.b", "a.b.c", false},
                    MatchCase{"a.b", "A.b", false}, MatchCase{"a.*", "a.b", true},
                    MatchCase{"a.*", "a.b.c", true}, MatchCase{"a.*", "a", false},
                    MatchCase{"a.*", "ab.c", false}, MatchCase{"a.b.*", "a.b", false},
                    MatchCase{"a.b.*", "a.bc.d", false}, MatchCase{"a.b.*", "a.b.c", true}));

}  // namespace
}  // namespace herald::dispatcher
