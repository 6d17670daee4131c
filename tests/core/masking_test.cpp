#include "core/masking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "core/encoding.h"
#include "core/json.h"

namespace herald::core {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// With every character that encoders treat differently.
constexpr std::string_view kCredential = "s3cr/t+of&the<server>\"A\\B\"='x' ~-_%41.end";

Masking masking_of(std::string_view credential) {
    Masking masking;
    masking.add(credential);
    return masking;
}

std::string lower_percent(std::string text) {
    for (std::size_t i = 0; i + 2 < text.size(); ++i) {
        if (text[i] != '%') continue;
        text.replace(i + 1, 2, to_lower(text.substr(i + 1, 2)));
    }
    return text;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

std::string html(std::string text, std::string_view quote) {
    text = replaced(std::move(text), "&", "&amp;");
    text = replaced(std::move(text), "<", "&lt;");
    text = replaced(std::move(text), ">", "&gt;");
    text = replaced(std::move(text), "\"", "&quot;");
    return replaced(std::move(text), "'", quote);
}

std::string base64url(std::string_view bytes, bool padded) {
    std::string out = replaced(replaced(base64_encode(bytes), "+", "-"), "/", "_");
    while (!padded && out.ends_with('=')) out.pop_back();
    return out;
}

std::string each_character(std::string_view text, const char* form) {
    std::string out;
    for (const char c : text) {
        std::array<char, 16> one{};
        std::snprintf(one.data(), one.size(), form, static_cast<unsigned char>(c));
        out += one.data();
    }
    return out;
}

std::vector<std::pair<std::string, std::string>> spellings(std::string_view credential) {
    const std::string text(credential);
    return {
        {"as it is", text},
        {"percent-encoded", percent_encode(text)},
        {"percent-encoded in lower case", lower_percent(percent_encode(text))},
        {"a form", form_encode(text)},
        {"a form in lower case", lower_percent(form_encode(text))},
        {"percent-encoded twice", percent_encode(percent_encode(text))},
        {"every byte percent-encoded", each_character(text, "%%%02x")},
        {"JSON", escape_json(text)},
        {"JSON with escaped slashes", replaced(escape_json(text), "/", "\\/")},
        {"JSON with every character escaped", each_character(text, "\\u%04X")},
        {"a JSON string in a JSON string", escape_json(escape_json(text))},
        {"JavaScript", each_character(text, "\\x%02x")},
        {"HTML", html(text, "&#39;")},
        {"HTML with named and hex entities", html(text, "&apos;")},
        {"every character a decimal entity", each_character(text, "&#%d;")},
        {"every character a hex entity", each_character(text, "&#x%X;")},
        {"a form in HTML", html(form_encode(text), "&#39;")},
        {"hex", each_character(text, "%02x")},
        {"upper-case hex", each_character(text, "%02X")},
        {"base64", base64_encode(text)},
        {"base64 in a form", form_encode(base64_encode(text))},
        {"base64url", base64url(text, true)},
        {"base64url without padding", base64url(text, false)},
    };
}

TEST(MaskingTest, HidesACredentialInEverySpelling) {
    const Masking masking = masking_of(kCredential);
    for (const auto& [name, spelled] : spellings(kCredential)) {
        EXPECT_EQ(masking.masked("a [" + spelled + "] z"), "a [********] z") << name;
        EXPECT_EQ(masking.masked(spelled), kMask) << name;
    }
}

TEST(MaskingTest, HidesATokenOfTheUrlSafeAlphabetInEverySpelling) {
    constexpr std::string_view kToken = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIi_oiJ-bWUifQ.c2lnbmF0dXJlcw";
    const Masking masking = masking_of(kToken);
    for (const auto& [name, spelled] : spellings(kToken))
        EXPECT_EQ(masking.masked("<" + spelled + ">"), "<********>") << name;
}

TEST(MaskingTest, HidesACredentialInsideSomethingThatWasEncodedAsAWhole) {
    constexpr std::string_view kSecret = "correct-horse-battery";
    const Masking masking = masking_of(kSecret);
    for (const std::string before : {"", "a", "ab", "abc", "client:"}) {
        for (const std::string after : {"", "z", "zy", "zyx"}) {
            const std::string whole = base64_encode(before + std::string(kSecret) + after);
            const std::string shown = masking.masked("Basic " + whole);
            EXPECT_THAT(shown, HasSubstr(std::string(kMask))) << before << "|" << after;
            // What is left of it decodes to nothing of the secret: only neighbours' digits.
            EXPECT_LE(shown.size(), 6 + 8 + 4 * ((before.size() + after.size()) / 3 + 2));
        }
    }
}

TEST(MaskingTest, HidesCharactersThatAreNotAscii) {
    const Masking masking = masking_of("p\xC3\xA4ssw\xC3\xB6rd\xF0\x9F\x94\x91");
    EXPECT_EQ(masking.masked(R"({"p":"p\u00e4ssw\u00f6rd\ud83d\udd11"})"), R"({"p":"********"})");
    EXPECT_EQ(masking.masked("p&#228;ssw&#xf6;rd&#128273;!"), "********!");
    EXPECT_EQ(masking.masked("p%C3%A4ssw%c3%b6rd%F0%9F%94%91&x"), "********&x");
}

TEST(MaskingTest, LeavesOtherTextAsItIs) {
    const Masking masking = masking_of(kCredential);
    for (const std::string text :
         {"", "{}", "ok", "s3cr", "100 % & more \\ less", "%zz &#; &nothing; \\q \\u12",
          R"({"error":"invalid_client","error_description":"Caf\u00e9 \"closed\" & %41"})"})
        EXPECT_EQ(masking.masked(text), text);
    EXPECT_EQ(Masking().masked("anything"), "anything");
}

TEST(MaskingTest, HidesTheBeginningOfALongCredential) {
    const Masking masking = masking_of("0123456789abcdefghijklmnopqrstuvwxyz");
    EXPECT_EQ(masking.masked("scope 0123456789abcdefghij..."), "scope ********...");
    EXPECT_EQ(masking.masked("scope 0123456789abcdef"), "scope ********");
    EXPECT_EQ(masking.masked("012345678 is a number"), "012345678 is a number");
}

TEST(MaskingTest, MasksBeforeItCuts) {
    const std::string token = "0123456789abcdefghijklmnopqrstuvwxyz";
    const Masking masking = masking_of(token);
    for (std::size_t before = 0; before < 100; ++before) {
        std::string text(before, '.');
        text += token + token + ' ' + percent_encode(percent_encode(token)) + token;
        text.append(400, '.');
        for (const std::size_t limit : {0, 1, 8, 16, 40, 64, 100, 512}) {
            const std::string shown = masking.masked(text, limit);
            EXPECT_EQ(shown, masking.masked(text).substr(0, limit));
            EXPECT_EQ(shown.find_first_of("0123456789abcdef"), std::string::npos) << shown;
        }
    }
}

TEST(MaskingTest, ReadsOnWhereMasksMadeTheTextShort) {
    const std::string token(2000, 'x');
    const Masking masking = masking_of(token);
    std::string text;
    for (int i = 0; i < 100; ++i) text += token + ".";
    EXPECT_EQ(masking.masked(text, 90),
              "********.********.********.********.********.********."
              "********.********.********.********.");
}

TEST(MaskingTest, HidesEachOfSeveralCredentials) {
    Masking first = masking_of("alpha-alpha");
    Masking second = masking_of("beta-beta");
    second.add(first);
    second.add("beta-beta");
    second.add(Secret("gamma"));
    EXPECT_EQ(second.masked("alpha-alpha, beta-beta; gamma"), "********, ********; ********");
    EXPECT_EQ(second.masked("alpha-alphabeta-beta"), "********");
    EXPECT_EQ(first.masked("beta-beta"), "beta-beta");
}

TEST(MaskingTest, IgnoresWhatIsTooShortToBeASecret) {
    Masking masking;
    masking.add("");
    masking.add("ab");
    EXPECT_TRUE(masking.empty());
    masking.add("abc");
    EXPECT_EQ(masking.masked("xabcx"), "x********x");
}

}  // namespace
}  // namespace herald::core
