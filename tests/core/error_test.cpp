#include "core/error.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace herald::core {
namespace {

TEST(ErrorTest, InvalidArgumentNamesTheFieldAndTheRule) {
    const Error error = invalid_argument("name", "1 to 64 of A-Za-z0-9._-");
    EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(error.code, "invalid_argument");
    EXPECT_EQ(error.message, "name: 1 to 64 of A-Za-z0-9._-");
    EXPECT_EQ(error.details,
              (boost::json::object{{"field", "name"}, {"rule", "1 to 64 of A-Za-z0-9._-"}}));
    EXPECT_EQ(error.retry_after, std::nullopt);
}

TEST(ErrorTest, NotFoundNamesTheThing) {
    const Error error = not_found("provider", "crm");
    EXPECT_EQ(error.kind, ErrorKind::kNotFound);
    EXPECT_EQ(error.code, "not_found");
    EXPECT_EQ(error.message, "no provider named 'crm'");
}

TEST(ErrorTest, NotFoundShowsAForeignNameSafely) {
    const Error error = not_found("provider", "\x1b[31m\xFF" + std::string(1000, 'x'));
    EXPECT_NE(error.message.find("'\\x1b[31m\\xff"), std::string::npos);
    EXPECT_LT(error.message.size(), 200U);
}

TEST(ErrorTest, EveryKindHasItsOwnName) {
    std::set<std::string_view> names;
    for (const ErrorKind kind :
         {ErrorKind::kTransient, ErrorKind::kThrottled, ErrorKind::kUnauthorized,
          ErrorKind::kPermanent, ErrorKind::kConflict, ErrorKind::kNotFound,
          ErrorKind::kInvalidArgument, ErrorKind::kCancelled, ErrorKind::kStorage}) {
        EXPECT_NE(to_string(kind), "unknown");
        EXPECT_TRUE(names.insert(to_string(kind)).second) << to_string(kind);
    }
}

TEST(ResultTest, HoldsAValueOrAnError) {
    const Result<int> value = 7;
    ASSERT_TRUE(value.has_value());
    EXPECT_EQ(*value, 7);
    const Result<int> failed = not_found("event", "x");
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, "not_found");
    EXPECT_TRUE(Result<>().has_value());
}

TEST(ResultTest, ValueOfAFailureThrowsWithTheMessage) {
    const Result<int> failed = not_found("provider", "crm");
    try {
        static_cast<void>(failed.value());
        FAIL() << "nothing was thrown";
    } catch (const std::logic_error& thrown) {
        EXPECT_NE(std::string_view(thrown.what()).find("not_found: no provider named 'crm'"),
                  std::string_view::npos);
    }
}

}  // namespace
}  // namespace herald::core
