#include "core/encoding.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace herald::core {
namespace {

using test::SeededRandom;

std::string percent(unsigned char byte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    return {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
}

constexpr std::string_view kAlphanumeric =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

TEST(HexTest, WritesTwoLowerCaseDigitsForEachByte) {
    EXPECT_EQ(hex_encode(""), "");
    EXPECT_EQ(hex_encode(std::string_view("\x00\x0f\xa5\xff", 4)), "000fa5ff");
}

TEST(Base64Test, AgreesWithTheVectorsOfRfc4648) {
    const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                      {"f", "Zg=="},
                                                                      {"fo", "Zm8="},
                                                                      {"foo", "Zm9v"},
                                                                      {"foob", "Zm9vYg=="},
                                                                      {"fooba", "Zm9vYmE="},
                                                                      {"foobar", "Zm9vYmFy"},
                                                                      {"\xFB\xFF\xFE", "+//+"}};
    for (const auto& [bytes, text] : vectors) {
        EXPECT_EQ(base64_encode(bytes), text);
        EXPECT_EQ(base64_decode(text), bytes) << text;
    }
}

TEST(Base64Test, ReadsBackWhatItWrote) {
    SeededRandom random(1);
    for (std::size_t length = 0; length < 200; ++length) {
        const std::string bytes = random.bytes(length);
        EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes) << hex_encode(bytes);
    }
}

TEST(Base64Test, IgnoresUnusedBitsBeforeThePadding) {
    EXPECT_EQ(base64_decode("Zh=="), "f");
    EXPECT_EQ(base64_decode("Zm9="), "fo");
}

TEST(Base64Test, RefusesWhatIsNotPaddedBase64) {
    for (const char* text : {"Zg",     "Zg=",   "Zg===", "Z",      "Z===",     "=",      "==",
                             "===",    "====",  "=Zg=",  "Z=g=",   "Zg==Zg==", "Zm9v=",  "Zm9v====",
                             "Zm9vY",  " Zg==", "Zg== ", "Zg==\n", "Zm9v\n",   "\nZm9v", "Zm 9",
                             "Zm\r\n", "    ",  "Zm9-",  "Zm9_",   "Zm9\xC3",  "Zm.=",   "-Zm9"}) {
        EXPECT_EQ(base64_decode(text), std::nullopt) << text;
    }
    EXPECT_EQ(base64_decode(std::string_view("Zm\0v", 4)), std::nullopt);
}

TEST(FormTest, LeavesExactlyTheUnreservedSetAsItIs) {  // O-41
    const std::string kept = std::string(kAlphanumeric) + "*-._";
    for (unsigned byte = 0; byte < 256; ++byte) {
        const std::string text(1, static_cast<char>(byte));
        const bool is_kept = kept.find(text) != std::string::npos;
        const std::string escaped = percent(static_cast<unsigned char>(byte));
        EXPECT_EQ(form_encode(text), is_kept ? text : text == " " ? "+" : escaped) << byte;
    }
}

TEST(FormTest, ReadsBackWhatItWrote) {  // O-41
    SeededRandom random(2);
    for (int i = 0; i < 500; ++i) {
        const std::string bytes = random.bytes(random.below(64));
        EXPECT_EQ(form_decode(form_encode(bytes)), bytes) << hex_encode(bytes);
    }
}

TEST(FormTest, DecodesEitherCaseAndLeavesTheRest) {
    EXPECT_EQ(form_decode("a+b%20c%2bd%2Be%c3%A9~/"), "a b c+d+e\xC3\xA9~/");
    EXPECT_EQ(form_decode("%00"), std::string(1, '\0'));
}

TEST(FormTest, RefusesAPercentSignWithoutTwoHexDigits) {
    for (const char* text :
         {"%", "%4", "%%41", "%g0", "%0g", "a%", "a%4", "% 41", "%+1", "%-1", "%4%31"}) {
        EXPECT_EQ(form_decode(text), std::nullopt) << text;
    }
}

TEST(FormTest, JoinsFieldsInOrderAndRepeats) {
    EXPECT_EQ(form_body({}), "");
    EXPECT_EQ(form_body({{"scope", "a b"}, {"k&", "=\xC3\xA9"}, {"scope", ""}}),
              "scope=a+b&k%26=%3D%C3%A9&scope=");
}

TEST(PercentEncodeTest, LeavesExactlyTheUnreservedSetOfRfc3986AsItIs) {
    const std::string kept = std::string(kAlphanumeric) + "-._~";
    for (unsigned byte = 0; byte < 256; ++byte) {
        const std::string text(1, static_cast<char>(byte));
        const bool is_kept = kept.find(text) != std::string::npos;
        EXPECT_EQ(percent_encode(text), is_kept ? text : percent(static_cast<unsigned char>(byte)))
            << byte;
    }
}

TEST(Utf8Test, AcceptsTheFirstAndTheLastOfEveryLength) {
    for (const char* text : {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
                             "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
                             "\xF4\x8F\xBF\xBF", "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"}) {
        EXPECT_TRUE(is_valid_utf8(text)) << hex_encode(text);
    }
    EXPECT_TRUE(is_valid_utf8(std::string_view("a\0b", 3)));
}

TEST(Utf8Test, RefusesTheClassicBadSequences) {
    for (const char* text : {"\x80",
                             "\xBF",
                             "a\x80",  // a tail alone
                             "\xC0\x80",
                             "\xC0\xAF",
                             "\xC1\xBF",  // overlong
                             "\xE0\x80\xAF",
                             "\xE0\x9F\xBF",
                             "\xF0\x80\x80\xAF",
                             "\xF0\x8F\xBF\xBF",
                             "\xED\xA0\x80",
                             "\xED\xBF\xBF",              // surrogates
                             "\xED\xA0\xBD\xED\xB8\x80",  // CESU-8
                             "\xF4\x90\x80\x80",
                             "\xF5\x80\x80\x80",
                             "\xF7\xBF\xBF\xBF",  // > U+10FFFF
                             "\xF8\x88\x80\x80\x80",
                             "\xFC\x84\x80\x80\x80\x80",
                             "\xFE",
                             "\xFF",
                             "\xC3",
                             "\xE2\x82",
                             "\xF0\x9F\x98",
                             "a\xC3",
                             "\xC3z",
                             "\xE2\x82z",
                             "\xF0\x9F\x98z"}) {  // cut
        EXPECT_FALSE(is_valid_utf8(text)) << hex_encode(text);
    }
}

TEST(PrintableTest, LeavesTextAsItIs) {
    EXPECT_EQ(printable("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", 100),
              "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80");
}

TEST(PrintableTest, EscapesControlCharactersAndInvalidBytes) {
    EXPECT_EQ(printable("\x1b[31mred", 100), "\\x1b[31mred");
    EXPECT_EQ(printable("a\r\n\tb\x7F", 100), "a\\x0d\\x0a\\x09b\\x7f");
    EXPECT_EQ(printable(std::string_view("\0", 1), 100), "\\x00");
    EXPECT_EQ(printable("\xC2\x9B"
                        "31m",
                        100),
              "\\xc2\\x9b31m");                         // C1: CSI
    EXPECT_EQ(printable("\xC2\xA0", 100), "\xC2\xA0");  // the first one after C1
    EXPECT_EQ(printable("\xFF"
                        "a\xC0\xAF\xE2\x82",
                        100),
              "\\xffa\\xc0\\xaf\\xe2\\x82");
}

TEST(PrintableTest, StopsAtTheLimitAndNeverInsideACharacter) {
    EXPECT_EQ(printable("abc", 0), "");
    EXPECT_EQ(printable("abc", 2), "ab");
    EXPECT_EQ(printable("abc", 3), "abc");
    EXPECT_EQ(printable("a\xC3\xA9", 2), "a");
    EXPECT_EQ(printable("a\xC3\xA9", 3), "a\xC3\xA9");
    EXPECT_EQ(printable("a\x1b", 4), "a");
    EXPECT_EQ(printable("a\x1b", 5), "a\\x1b");
}

TEST(PrintableTest, MakesValidTextWithinTheLimitOfAnyBytes) {
    SeededRandom random(3);
    for (int i = 0; i < 500; ++i) {
        const std::string bytes = random.bytes(random.below(64));
        const std::size_t limit = random.below(64);
        const std::string shown = printable(bytes, limit);
        ASSERT_TRUE(is_valid_utf8(shown)) << hex_encode(bytes);
        ASSERT_LE(shown.size(), limit) << hex_encode(bytes);
        EXPECT_TRUE(
            std::none_of(shown.begin(), shown.end(), [](char c) { return c >= 0 && c < ' '; }));
    }
}

TEST(TextTest, ComparesAndLowersAsciiOnly) {
    EXPECT_TRUE(equals_ignoring_case("Content-TYPE", "content-type"));
    EXPECT_FALSE(equals_ignoring_case("a", "ab"));
    EXPECT_FALSE(equals_ignoring_case("ab", "a"));
    EXPECT_FALSE(equals_ignoring_case("[", "{"));
    EXPECT_FALSE(equals_ignoring_case("\xC3\x89", "\xC3\xA9"));
    EXPECT_EQ(to_lower("AZaz[@\xC3\x89"), "azaz[@\xC3\x89");
}

TEST(TextTest, TrimsSpaceAtBothEnds) {
    EXPECT_EQ(trim(" \t\r\na b\n "), "a b");
    EXPECT_EQ(trim(" \t "), "");
    EXPECT_EQ(trim(""), "");
    EXPECT_EQ(trim("\xC2\xA0"), "\xC2\xA0");
}

}  // namespace
}  // namespace herald::core
