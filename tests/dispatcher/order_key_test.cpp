#include <gtest/gtest.h>

#include "dispatcher/composer.h"
#include "tests/dispatcher/samples.h"

namespace herald::dispatcher {
namespace {

using test::sample_event;

core::Result<CompiledNotificationPtr> ordered_by(std::string path) {
    storage::NotificationRecord record = test::sample_notification();
    record.order_by = std::move(path);
    return compile(std::move(record));
}

std::string key_of(const std::string& path, const std::string& data) {
    return order_key(*ordered_by(path).value(), sample_event(data));
}

TEST(OrderKeyTest, IsTheSameSixteenBytesForTheSameValueWhereverItStands) {
    const std::string key = key_of("data.id", R"({"id":"A-7"})");
    EXPECT_EQ(key.size(), 16U);
    EXPECT_EQ(key_of("data.account.id", R"({"account": {"x":1, "id": "A-7" }})"), key);
    EXPECT_EQ(key_of("data.lines.1.sku", R"({"lines":[{"sku":"no"},{"sku":"A-7"}]})"), key);
    EXPECT_EQ(key_of("data.1", R"(["no","A-7"])"), key);
    EXPECT_NE(key_of("data.id", R"({"id":"A-8"})"), key);
    EXPECT_NE(key_of("data.id", R"({"id":"a-7"})"), key);
}

TEST(OrderKeyTest, StringsAreEqualHoweverTheyAreEscaped) {
    const std::string key = key_of("data.id", R"({"id":"A/é"})");
    EXPECT_EQ(key_of("data.id", R"({"id":"\u0041\/\u00e9"})"), key);
    EXPECT_EQ(key_of("data.id", R"({"\u0069d":"A\/é"})"), key) << "the member's name too";
    EXPECT_NE(key_of("data.id", R"({"id":"A\\/é"})"), key);
}

// A number is never rounded here, so its text is what it is.
TEST(OrderKeyTest, NumbersAreEqualByTheirText) {
    const std::string key = key_of("data.n", R"({"n": 12345678901234567890 })");
    EXPECT_EQ(key_of("data.n", R"({"n":12345678901234567890})"), key);
    EXPECT_NE(key_of("data.n", R"({"n":12345678901234567891})"), key);
    EXPECT_NE(key_of("data.n", R"({"n":1.0})"), key_of("data.n", R"({"n":1})"));
}

TEST(OrderKeyTest, NothingAndNullMeanNoOrder) {
    for (const char* data : {R"({})", R"({"account":null})", R"({"account":{}})",
                             R"({"account":{"id":null}})", R"({"account":"A-7"})", "[]", "7"}) {
        EXPECT_EQ(key_of("data.account.id", data), "") << data;
    }
    EXPECT_EQ(key_of("data.lines.2", R"({"lines":[1,2]})"), "");
    EXPECT_EQ(key_of("data.lines.01", R"({"lines":[1,2]})"), "");
    EXPECT_EQ(order_key(*compile(test::sample_notification()).value(), sample_event()), "");
}

TEST(OrderKeyTest, EmptyAndFalseAreValuesLikeAnyOther) {
    EXPECT_EQ(key_of("data.a", R"({"a":""})").size(), 16U);
    EXPECT_EQ(key_of("data.a", R"({"a":false})").size(), 16U);
    EXPECT_EQ(key_of("data.a", R"({"a":{"b":1}})").size(), 16U);
    EXPECT_NE(key_of("data.a", R"({"a":false})"), key_of("data.a", R"({"a":true})"));
}

TEST(OrderKeyTest, ThePathIsOneFieldOfTheData) {
    for (const char* path : {"",
                             " ",
                             "data",
                             "data.",
                             "data..id",
                             ".id",
                             "account.id",
                             "id",
                             "type",
                             "occurred_at",
                             "data.a b",
                             " data.a",
                             "data.a ",
                             "data.a | \"x\"",
                             "data.a|1",
                             "\"data.a\"",
                             "data.a }}",
                             "data.a }} text",
                             "data.a }}{{ data.b",
                             "x }}{{ data.a",
                             "{{ data.a }}",
                             "/account/id"}) {
        const auto compiled = ordered_by(path);
        ASSERT_FALSE(compiled) << path;
        EXPECT_EQ(compiled.error().details.at("field").as_string(), "order_by") << path;
        EXPECT_NE(compiled.error().message.find("data.account.id"), std::string::npos) << path;
    }
}

}  // namespace
}  // namespace herald::dispatcher
