// What keeps the source text of JSON values: raw_members, raw_at and the pointers that lead there.
#include <gtest/gtest.h>

#include "core/encoding.h"
#include "core/json.h"

namespace herald::core {
namespace {

using Path = std::vector<std::string>;

TEST(RawMembersTest, KeepsTheSourceTextOfEveryValue) {
    const std::string text =
        "{ \"big\" : 9007199254740993 ,\r\n\"zero\":-0,\"huge\":1e400, \"exact\"\t: 1.50 ,"
        R"("text":"a\u0062, }","list":[1, [2,{"x":"]"}] ],"none":null , "object": {"k" : "\"}"} })";
    const auto members = raw_members(text);
    ASSERT_TRUE(members.has_value());
    const std::vector<std::pair<std::string, std::string>> expected = {
        {"big", "9007199254740993"},
        {"zero", "-0"},
        {"huge", "1e400"},
        {"exact", "1.50"},
        {"text", R"("a\u0062, }")"},
        {"list", R"([1, [2,{"x":"]"}] ])"},
        {"none", "null"},
        {"object", R"({"k" : "\"}"})"}};
    ASSERT_EQ(members->size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ((*members)[i].key, expected[i].first);
        EXPECT_EQ((*members)[i].value, expected[i].second);
    }
}

TEST(RawMembersTest, DecodesKeysAndKeepsDuplicates) {
    const auto members = raw_members(R"({"a\"b\\":1,"\u00e9\ud83d\ude00":2,"":3,"":4})");
    ASSERT_TRUE(members.has_value());
    ASSERT_EQ(members->size(), 4U);
    EXPECT_EQ((*members)[0].key, "a\"b\\");
    EXPECT_EQ((*members)[1].key, "\xC3\xA9\xF0\x9F\x98\x80");
    EXPECT_EQ((*members)[2].value, "3");
    EXPECT_EQ((*members)[3].value, "4");
}

TEST(RawMembersTest, IsEmptyForAnEmptyObjectAndAbsentForOthers) {
    EXPECT_TRUE(raw_members(" { } ").value().empty());
    for (const char* text : {"[]", "[{}]", "1", "null", "\"{}\""})
        EXPECT_FALSE(raw_members(text).has_value()) << text;
}

TEST(RawAtTest, FindsTheSourceText) {
    const std::string text = R"( {"account":{"id":9007199254740993,"name":"A \"B\" C"},)"
                             R"("lines":[{"sku":"x"},{"sku":-0},[[1e400]]],"n":null} )";
    const std::vector<std::pair<Path, std::string>> table = {
        {{"account", "id"}, "9007199254740993"},
        {{"account", "name"}, R"("A \"B\" C")"},
        {{"lines", "0", "sku"}, R"("x")"},
        {{"lines", "1", "sku"}, "-0"},
        {{"lines", "2", "0", "0"}, "1e400"},
        {{"lines", "0"}, R"({"sku":"x"})"},
        {{"n"}, "null"}};
    for (const auto& [path, expected] : table) EXPECT_EQ(raw_at(text, path), expected);
    EXPECT_EQ(raw_at(text, {}), trim(text));
}

TEST(RawAtTest, FindsNothingWhereThereIsNothing) {
    const std::string text = R"({"a":[10,20],"b":{"c":"d"},"s":"[1]","0":"zero","e":[ ]})";
    for (const Path& path : {Path{"x"},
                             {"a", "2"},
                             {"a", "-1"},
                             {"a", "-"},
                             {"a", "+1"},
                             {"a", "01"},
                             {"a", "00"},
                             {"a", "1x"},
                             {"a", " 1"},
                             {"a", ""},
                             {"a", "18446744073709551616"},
                             {"a", "0", "0"},
                             {"a", "length"},
                             {"b", "d"},
                             {"b", "c", "0"},
                             {"s", "0"},
                             {"e", "0"},
                             {"", ""}}) {
        EXPECT_EQ(raw_at(text, path), std::nullopt) << path.back();
    }
    EXPECT_EQ(raw_at(text, {"0"}), R"("zero")");
    EXPECT_EQ(raw_at("1", {"0"}), std::nullopt);
}

TEST(RawAtTest, TakesTheLastOfDuplicatesAndComparesDecodedKeys) {
    EXPECT_EQ(raw_at(R"({"a":1,"a":2,"\u0061":3})", {"a"}), "3");
    EXPECT_EQ(raw_at(R"({"a\/b":1})", {"a/b"}), "1");
}

TEST(JsonPointerTest, AgreesWithTheExamplesOfRfc6901) {  // section 5
    const std::string text = R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,)"
                             R"("i\\j":5,"k\"l":6," ":7,"m~n":8})";
    const std::vector<std::pair<std::string, std::string>> table = {{"", text},
                                                                    {"/foo", R"(["bar","baz"])"},
                                                                    {"/foo/0", R"("bar")"},
                                                                    {"/", "0"},
                                                                    {"/a~1b", "1"},
                                                                    {"/c%d", "2"},
                                                                    {"/e^f", "3"},
                                                                    {"/g|h", "4"},
                                                                    {"/i\\j", "5"},
                                                                    {"/k\"l", "6"},
                                                                    {"/ ", "7"},
                                                                    {"/m~0n", "8"}};
    for (const auto& [pointer, expected] : table) {
        const auto path = parse_json_pointer(pointer);
        ASSERT_TRUE(path.has_value()) << pointer;
        EXPECT_EQ(raw_at(text, *path), expected) << pointer;
    }
}

TEST(JsonPointerTest, SplitsAndUnescapesOnce) {
    EXPECT_EQ(*parse_json_pointer(""), Path{});
    EXPECT_EQ(*parse_json_pointer("//a/"), (Path{"", "a", ""}));
    EXPECT_EQ(*parse_json_pointer("/~01/~10"), (Path{"~1", "/0"}));
}

TEST(JsonPointerTest, RefusesAMissingSlashAndABareTilde) {
    for (const char* pointer :
         {"foo", "#/foo", " /foo", "~0", "/~", "/a~", "/~2", "/~a", "/a~/b"}) {
        const auto path = parse_json_pointer(pointer);
        ASSERT_FALSE(path.has_value()) << pointer;
        EXPECT_EQ(path.error().code, "invalid_argument") << pointer;
    }
}

}  // namespace
}  // namespace herald::core
