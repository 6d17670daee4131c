#include <gtest/gtest.h>

#include "core/json.h"
#include "dispatcher/merge_template.h"
#include "tests/dispatcher/samples.h"

namespace herald::dispatcher {
namespace {

using test::sample_event;
using test::SeededRandom;

// What fuzzing builds: JSON values and templates at random, from one seed.
class Fuzz {
public:
    explicit Fuzz(std::uint64_t seed) : random_(seed) {}

    std::string json_value(int depth = 0) {
        switch (random_.below(depth > 3 ? 4 : 6)) {
            case 0:
                return "null";
            case 1:
                return one_of({"0", "-0", "1e400", "9007199254740993", "-1.50"});
            case 2:
                return one_of({"true", "false"});
            case 3:
                return json_string();
            case 4:
                return '[' + json_value(depth + 1) + " , " + json_value(depth + 1) + ']';
            default:
                return R"({"a":)" + json_value(depth + 1) + R"(,"b":)" + json_value(depth + 1) +
                       '}';
        }
    }

    std::string json_string() {
        std::string out = "\"";
        for (std::size_t i = random_.below(6); i > 0; --i) {
            out += one_of({"x", "\\\"", "\\\\", "\\u0000", "\\n", "\\r\\n", "\xC3\xA9",
                           "\\ud83d\\ude00", "{{", "}}", "/", "..", "%0d%0a", "&=+ ",
                           "\xE2\x80\xA8", "'"});
        }
        return out + '"';
    }

    std::string merge_field() {
        const std::string path = one_of(
            {"id", "type", "occurred_at", "data", "data.a", "data.b.a", "data.a.0", "data.b.1.a"});
        return "{{" + path + one_of({"", " ", " | \"d\\\"\"", " | -1.0"}) + "}}";
    }

    std::string json_template(int depth = 0) {
        switch (random_.below(depth > 3 ? 3 : 5)) {
            case 0:
                return merge_field();
            case 1:
                return '"' + one_of({"", "\\\\", "\\\"", "a"}) + merge_field() + merge_field() +
                       '"';
            case 2:
                return json_value(4);
            case 3:
                return '[' + json_template(depth + 1) + ',' + json_template(depth + 1) + ']';
            default:
                return R"({"k{{ type }}":)" + json_template(depth + 1) + '}';
        }
    }

    std::string one_of(std::initializer_list<std::string_view> choices) {
        return std::string(choices.begin()[random_.below(choices.size())]);
    }

private:
    SeededRandom random_;
};

// S-23: whatever the data, a rendered JSON body parses.
TEST(MergeTemplateFuzzTest, RenderedJsonAlwaysParses) {
    constexpr std::uint64_t kSeed = 4711;
    SCOPED_TRACE("seed " + std::to_string(kSeed));
    Fuzz fuzz(kSeed);
    for (int i = 0; i < 20'000; ++i) {
        std::string text = fuzz.json_template();
        const auto compiled = MergeTemplate::compile(text, MergeContext::kJson, "body_template");
        // A literal of the fuzz may itself hold {{ and so be no template.
        if (!compiled) continue;
        const std::string data = fuzz.json_value();
        const auto out = compiled->render(sample_event(data), nullptr);
        ASSERT_TRUE(out) << text << " with " << data;
        ASSERT_TRUE(core::validate_json(*out)) << text << " with " << data << " gave " << *out;
    }
}

TEST(MergeTemplateFuzzTest, NoUrlOrHeaderEverHoldsAControlCharacterOrAnotherPath) {
    Fuzz fuzz(815);
    const auto url =
        MergeTemplate::compile("https://h.example/a/{{ data }}/z", MergeContext::kUrl, "url");
    const auto header = MergeTemplate::compile("v {{ data }}", MergeContext::kHeader, "headers.X");
    int accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto event = sample_event(fuzz.json_value());
        if (const auto out = url->render(event, nullptr)) {
            ++accepted;
            ASSERT_EQ(std::count(out->begin(), out->end(), '/'), 5) << *out;
            ASSERT_EQ(out->find_first_of(" \r\n?#\\"), std::string::npos) << *out;
        }
        if (const auto out = header->render(event, nullptr)) {
            ASSERT_EQ(out->find_first_of(std::string_view("\r\n\0", 3)), std::string::npos)
                << event.data;
        }
    }
    EXPECT_GT(accepted, 10'000);
}

// Any text at all either compiles or names what is wrong; then it renders or fails as promised.
TEST(MergeTemplateFuzzTest, ArbitraryTextNeverBreaksTheParser) {
    SeededRandom random(99);
    const std::array<std::string_view, 16> pieces{"{{", "}}", "{",    "}",       "\"", "\\",
                                                  "|",  " ",  "data", ".",       "a",  "id",
                                                  "1",  "-",  "\n",   "\xC3\xA9"};
    int compiled_count = 0;
    for (int i = 0; i < 50'000; ++i) {
        std::string text;
        for (std::size_t n = random.below(12); n > 0; --n)
            text += pieces[random.below(pieces.size())];
        for (const auto context : {MergeContext::kText, MergeContext::kJson}) {
            const auto compiled = MergeTemplate::compile(text, context, "field");
            if (!compiled) {
                ASSERT_EQ(compiled.error().code, "invalid_argument");
                continue;
            }
            ++compiled_count;
            const auto out = compiled->render(sample_event(), nullptr);
            ASSERT_TRUE(out) << text;
            if (context == MergeContext::kJson) {
                ASSERT_TRUE(core::validate_json(*out)) << text;
            }
        }
    }
    EXPECT_GT(compiled_count, 1'000);
}

}  // namespace
}  // namespace herald::dispatcher
