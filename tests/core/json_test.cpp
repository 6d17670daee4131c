#include "core/json.h"

#include <gtest/gtest.h>

#include "core/encoding.h"
#include "tests/support/seeded_random.h"

namespace herald::core {
namespace {

using test::SeededRandom;

using namespace std::string_literals;

std::string nested(std::size_t depth, const std::string& open = "[",
                   const std::string& close = "]") {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    text += "1";
    for (std::size_t i = 0; i < depth; ++i) text += close;
    return text;
}

std::string quoted(const std::string& inside) {
    return "\"" + inside + "\"";
}

// RFC 3629, all lengths, control characters among them.
std::string random_utf8(SeededRandom& random, std::size_t characters) {
    constexpr std::array<std::string_view, 12> kSpecial = {
        "\"",           "\\",           "/",
        "\b",           "\f",           "\n",
        "\x7F",         "\xC2\x85",     "\xE2\x80\xA8",
        "\xEF\xBF\xBF", "\xED\x9F\xBF", "\xF0\x9F\x98\x80"};
    std::string text;
    for (std::size_t i = 0; i < characters; ++i) {
        const auto any = [&](std::size_t low, std::size_t high) {
            return static_cast<char>(low + random.below(high - low + 1));
        };
        switch (random.below(5)) {
            case 0:
                text += kSpecial.at(random.below(kSpecial.size()));
                break;
            case 1:
                text += any(0x00, 0x7F);
                break;
            case 2:
                text += {any(0xC2, 0xDF), any(0x80, 0xBF)};
                break;
            case 3:
                text += {any(0xE1, 0xEC), any(0x80, 0xBF), any(0x80, 0xBF)};
                break;
            default:
                text += {any(0xF1, 0xF3), any(0x80, 0xBF), any(0x80, 0xBF), any(0x80, 0xBF)};
                break;
        }
    }
    return text;
}

TEST(ValidateJsonTest, AcceptsOneValue) {
    for (const std::string& text : {"null"s,
                                    "true"s,
                                    "false"s,
                                    "{}"s,
                                    "[]"s,
                                    "\"\""s,
                                    "0"s,
                                    "-0"s,
                                    "1E+2"s,
                                    "1.50"s,
                                    " \t\r\n[1 , 2] \t\r\n"s,
                                    "1e400"s,
                                    "-1e400"s,
                                    "1e-400"s,
                                    "9007199254740993"s,
                                    "123456789012345678901234567890"s,
                                    std::string(400, '9'),
                                    R"({"a":1,"a":2})"s,
                                    R"({"":{"":[]}})"s,
                                    R"("\"\\\/\b\f\n\r\t\u00e9\u0000")"s,
                                    R"("\ud83d\ude00")"s,
                                    "\"\x7F\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""s}) {
        const auto valid = validate_json(text);
        EXPECT_TRUE(valid.has_value()) << text << ": " << valid.error().message;
    }
}

TEST(ValidateJsonTest, RefusesWhatRfc8259DoesNotKnow) {
    for (const std::string& text : {""s,
                                    " "s,
                                    "NaN"s,
                                    "nan"s,
                                    "-NaN"s,
                                    "Infinity"s,
                                    "-Infinity"s,
                                    "undefined"s,
                                    "True"s,
                                    "tru"s,
                                    "nulll"s,
                                    "-"s,
                                    "+1"s,
                                    "01"s,
                                    "-01"s,
                                    "1."s,
                                    ".5"s,
                                    "1e"s,
                                    "1e+"s,
                                    "0x10"s,
                                    "1_000"s,
                                    "'a'"s,
                                    "\"a"s,
                                    "{"s,
                                    "["s,
                                    "[1,]"s,
                                    "[,1]"s,
                                    "[1 2]"s,
                                    "{a:1}"s,
                                    "{\"a\"}"s,
                                    "{\"a\":}"s,
                                    "{\"a\" 1}"s,
                                    "{\"a\":1,}"s,
                                    "{1:1}"s,
                                    "[1}"s,
                                    "]"s,
                                    "// c\n1"s,
                                    "/* c */1"s,
                                    "\xEF\xBB\xBF{}"s,
                                    "\xA0{}"s,
                                    R"("\x41")"s,
                                    R"("\u12")"s,
                                    R"("\u12g4")"s,
                                    "\"\n\""s,
                                    "\"\t\""s}) {
        EXPECT_FALSE(validate_json(text).has_value()) << text;
    }
}

TEST(ValidateJsonTest, RefusesBytesAfterTheValue) {
    for (const std::string& text :
         {"{} {}"s, "{}x"s, "1 2"s, "[]]"s, "{},"s, "null\xFF"s, "{}\0"s, "1\0"s, "\"a\"\""s}) {
        EXPECT_FALSE(validate_json(text).has_value()) << text;
    }
}

TEST(ValidateJsonTest, RefusesNulBytesAndLoneSurrogates) {
    for (const std::string& text :
         {"\0"s, "\"a\0b\""s, "[1,\0]"s, R"("\ud83d")"s, R"("\ude00")"s, R"("\ud83dx")"s,
          R"("\ud83d\n")"s, R"("\ud83d\u0041")"s, R"("\ud83d\ud83d")"s, R"("\ude00\ud83d")"s,
          R"({"\ud83d":1})"s}) {
        EXPECT_FALSE(validate_json(text).has_value()) << text;
    }
}

TEST(ValidateJsonTest, RefusesInvalidUtf8InValuesAndKeys) {
    for (const std::string& bytes :
         {"\x80"s, "\xC0\x80"s, "\xC1\xBF"s, "\xE0\x80\xAF"s, "\xED\xA0\x80"s, "\xF0\x80\x80\xAF"s,
          "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xFF"s, "\xC3"s, "\xE2\x82"s,
          "\xF0\x9F\x98"s}) {
        EXPECT_FALSE(validate_json(quoted(bytes)).has_value()) << hex_encode(bytes);
        EXPECT_FALSE(
            validate_json(quoted("long enough for the fast path " + bytes + " of the parser"))
                .has_value())
            << hex_encode(bytes);
        EXPECT_FALSE(validate_json("{" + quoted(bytes) + ":1}").has_value()) << hex_encode(bytes);
    }
}

TEST(ValidateJsonTest, LimitsTheDepth) {
    static_assert(kMaxJsonDepth == 32);
    EXPECT_TRUE(validate_json(nested(32)).has_value());
    EXPECT_FALSE(validate_json(nested(33)).has_value());
    EXPECT_TRUE(validate_json(nested(32, R"({"a":)", "}")).has_value());
    EXPECT_FALSE(validate_json(nested(33, R"({"a":)", "}")).has_value());
    EXPECT_TRUE(validate_json(nested(16, R"([{"a":)", "}]")).has_value());
    EXPECT_FALSE(validate_json(nested(1'000'000)).has_value());
    EXPECT_TRUE(validate_json("[" + nested(31) + "," + nested(31) + "]").has_value());
}

TEST(ValidateJsonTest, SaysAtWhichByte) {
    const auto valid = validate_json("[1,x]");
    ASSERT_FALSE(valid.has_value());
    EXPECT_EQ(valid.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(valid.error().code, "malformed_request");
    EXPECT_EQ(valid.error().details, (boost::json::object{{"byte", 3U}}));
    EXPECT_NE(valid.error().message.find("byte 3"), std::string::npos);
    EXPECT_EQ(validate_json("{} x").error().details.at("byte"), 3U);
}

TEST(ParseObjectTest, GivesTheMembers) {
    const auto object = parse_object(R"( {"name": "crm", "n": 1} )");
    ASSERT_TRUE(object.has_value());
    EXPECT_EQ(*object, (boost::json::object{{"name", "crm"}, {"n", 1}}));
    EXPECT_EQ(string_member(*object, "name"), "crm");
    EXPECT_EQ(string_member(*object, "n"), std::nullopt);
    EXPECT_EQ(string_member(*object, "absent"), std::nullopt);
}

TEST(ParseObjectTest, RefusesWhatIsNoObject) {
    for (const char* text : {"", "[]", "1", "null", "\"{}\"", "{", "{}x", "{\"a\":NaN}"}) {
        const auto object = parse_object(text);
        ASSERT_FALSE(object.has_value()) << text;
        EXPECT_EQ(object.error().code, "malformed_request") << text;
    }
    EXPECT_FALSE(parse_object("{\"a\":" + nested(32) + "}").has_value());
    EXPECT_TRUE(parse_object("{\"a\":" + nested(31) + "}").has_value());
}

TEST(ParseObjectTest, RefusesDuplicatesAtTheTopOnly) {
    EXPECT_FALSE(parse_object(R"({"a":1,"b":2,"a":1})").has_value());
    EXPECT_FALSE(parse_object(R"({"a":1,"\u0061":2})").has_value());
    EXPECT_TRUE(parse_object(R"({"a":1,"A":2})").has_value());
    EXPECT_TRUE(parse_object(R"({"a":{"b":1,"b":2},"b":[{"a":1,"a":2}]})").has_value());
}

TEST(ParseObjectTest, ShowsADuplicateNameSafely) {
    const std::string name = R"(\u001b[31m)" + std::string(1000, 'x');
    const auto object = parse_object("{" + quoted(name) + ":1," + quoted(name) + ":2}");
    ASSERT_FALSE(object.has_value());
    EXPECT_NE(object.error().message.find("[31mxxx"), std::string::npos);
    EXPECT_EQ(object.error().message.find('\x1b'), std::string::npos);
    EXPECT_LT(object.error().message.size(), 200U);
}

TEST(JsonStringTest, ReadsBackWhatItWrote) {
    SeededRandom random(1);
    for (int i = 0; i < 500; ++i) {
        const std::string text = random_utf8(random, random.below(40));
        ASSERT_TRUE(is_valid_utf8(text)) << hex_encode(text);
        const std::string source = quoted(escape_json(text));
        EXPECT_TRUE(validate_json(source).has_value()) << source;
        EXPECT_EQ(decode_json_string(source), text) << source;
    }
}

TEST(JsonStringTest, DecodesEveryEscape) {
    EXPECT_EQ(decode_json_string(R"("")"), "");
    EXPECT_EQ(decode_json_string(R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")"),
              "\"\\/\b\f\n\r\t\xC3\xA9\xF0\x9F\x98\x80");
    EXPECT_EQ(decode_json_string(R"("a\u0000b")"), "a\0b"s);
}

}  // namespace
}  // namespace herald::core
