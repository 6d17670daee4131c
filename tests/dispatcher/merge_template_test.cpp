#include "dispatcher/merge_template.h"

#include <gtest/gtest.h>

#include "tests/dispatcher/samples.h"

namespace herald::dispatcher {
namespace {

using test::sample_event;

constexpr std::string_view kData =
    R"({"account":{"id":"A/7 &x"},"n":12345678901234567890.10,"quote":"say \"hi\" \u00e9\n",)"
    R"("lines":[{"sku":"k0"},{"sku":"k1"}],"flag":true,"nil":null,"empty":"","big":1e400,"minus":-0,)"
    R"("a-b_c":"dash"})";

std::string rendered(std::string_view text, MergeContext context,
                     std::string data = std::string(kData),
                     std::vector<std::string>* warnings = nullptr) {
    const auto compiled = MergeTemplate::compile(text, context, "field");
    if (!compiled) return "compile: " + compiled.error().message;
    auto out = compiled->render(sample_event(std::move(data)), warnings);
    return out ? *out : "render: " + out.error().message;
}

std::string refusal(std::string_view text, MergeContext context) {
    const auto compiled = MergeTemplate::compile(text, context, "field");
    if (compiled) return "accepted";
    EXPECT_EQ(compiled.error().code, "invalid_argument");
    EXPECT_EQ(compiled.error().details.at("field").as_string(), "field");
    return compiled.error().message;
}

struct RenderCase {
    MergeContext context;
    std::string_view text, expected;
};

class MergeTemplateRenderTest : public testing::TestWithParam<RenderCase> {};

TEST_P(MergeTemplateRenderTest, RendersAsTheTableSays) {
    EXPECT_EQ(rendered(GetParam().text, GetParam().context), GetParam().expected)
        << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Json, MergeTemplateRenderTest,
    testing::Values(
        RenderCase{MergeContext::kJson, R"({"a":{{ data.account }}})", R"({"a":{"id":"A/7 &x"}})"},
        RenderCase{MergeContext::kJson, R"({"a":{{data.account.id}}})", R"({"a":"A/7 &x"})"},
        RenderCase{MergeContext::kJson, R"({"a":"<{{ data.account.id }}>"})",
                   R"({"a":"<A/7 &x>"})"},
        RenderCase{MergeContext::kJson, R"(["{{ data.quote }}"])", R"(["say \"hi\" \u00e9\n"])"},
        RenderCase{MergeContext::kJson, R"([{{ data.n }}, "{{ data.n }}"])",
                   R"([12345678901234567890.10, "12345678901234567890.10"])"},
        RenderCase{MergeContext::kJson, R"([{{data.big}},{{data.minus}}])", "[1e400,-0]"},
        RenderCase{MergeContext::kJson, R"(["{{ data.account }}"])", R"(["{\"id\":\"A/7 &x\"}"])"},
        RenderCase{MergeContext::kJson,
                   R"([{{ data.lines.1.sku }},{{ data.flag }},{{ data.nil }}])",
                   R"(["k1",true,null])"},
        RenderCase{MergeContext::kJson, R"([{{ data.lines.2 }},"{{ data.nope }}"])",
                   R"([null,""])"},
        RenderCase{MergeContext::kJson,
                   R"([{{ data.x | "d\"" }},"{{ data.x | "d\"" }}",{{ data.x|1.50 }}])",
                   R"(["d\"","d\"",1.50])"},
        RenderCase{MergeContext::kJson, R"({"{{ type }}":"\"{{ data.flag }}"})",
                   R"({"invoice.posted":"\"true"})"},
        RenderCase{MergeContext::kJson, R"([{{ type }},{{ occurred_at }}])",
                   R"(["invoice.posted","2026-03-01T12:00:00.250Z"])"},
        RenderCase{MergeContext::kJson, R"(["{{ "{{" }}",{{ "}}" }}])", R"(["{{","}}"])"},
        RenderCase{MergeContext::kJson, "{{ data.lines }}", R"([{"sku":"k0"},{"sku":"k1"}])"}));

INSTANTIATE_TEST_SUITE_P(
    OtherContexts, MergeTemplateRenderTest,
    testing::Values(
        RenderCase{MergeContext::kText, "no fields } { }}", "no fields } { }}"},
        RenderCase{MergeContext::kText, "{{ data.quote }}!", "say \"hi\" \xC3\xA9\n!"},
        RenderCase{MergeContext::kText, "{{ data.n }}{{ data.account }}",
                   R"(12345678901234567890.10{"id":"A/7 &x"})"},
        RenderCase{MergeContext::kText,
                   "[{{ data.nope }}][{{ data.nope | \"-\" }}][{{ data.empty | \"-\" }}]",
                   "[][-][]"},
        RenderCase{MergeContext::kText, "{{ data.a-b_c }} {{ data.flag.x | 0 }}", "dash 0"},
        RenderCase{MergeContext::kText, "{{\n data.flag\t}}", "true"},
        RenderCase{MergeContext::kForm, "a={{ data.account.id }}&b={{ data.flag }}",
                   "a=A%2F7+%26x&b=true"},
        RenderCase{MergeContext::kUrl,
                   "https://h.example/a/{{ data.account.id }}?q={{ data.account.id }}",
                   "https://h.example/a/A%2F7%20%26x?q=A%2F7%20%26x"},
        RenderCase{MergeContext::kUrl, "https://h.example?q={{ data.n }}",
                   "https://h.example?q=12345678901234567890.10"},
        RenderCase{MergeContext::kQuery, "a b&{{ data.account.id }}", "a%20b%26A%2F7%20%26x"},
        RenderCase{MergeContext::kHeader, "acct {{ data.account.id }}", "acct A/7 &x"}));

TEST(MergeTemplateTest, WarnsOfEveryMissingFieldWithoutADefault) {
    std::vector<std::string> warnings;
    rendered(R"([{{ data.account.name }},"{{ data.x }}",{{ data.y | 1 }},{{ data.nil }}])",
             MergeContext::kJson, std::string(kData), &warnings);
    EXPECT_EQ(warnings,
              (std::vector<std::string>{"data.account.name: missing", "data.x: missing"}));
}

TEST(MergeTemplateTest, ScalarDataHasNoMembersButIsThere) {
    EXPECT_EQ(rendered(R"([{{ data }},{{ data.x }}])", MergeContext::kJson, " 7 "), "[7,null]");
}

TEST(MergeTemplateTest, AQuotedSegmentNamesAnyMember) {
    const std::string data =
        R"({"hub.challenge":42,"a b":{"c\"d":"x"},"":1,"}}":2,"list":[{"k.l":3}]})";
    const struct {
        std::string_view text, expected;
    } cases[] = {
        {R"({{ data."hub.challenge" }})", "42"},
        {R"({{data."a b"."c\"d"}})", "x"},
        {R"({{ data."" }})", "1"},
        {R"({{ data."}}" }})", "2"},
        {R"({{ data.list.0."k.l" }})", "3"},
        {R"({{ data."hub"."challenge" | "none" }})", "none"},
        {R"({{ data."list"."0"."k.l" }})", "3"},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(rendered(text, MergeContext::kText, data), expected) << text;
    EXPECT_EQ(rendered(R"({"c":"{{ data."hub.challenge" }}"})", MergeContext::kJson, data),
              R"({"c":"42"})");
    for (const std::string_view text : {R"({{ data."hub }})", R"({{ data.hub."x }})",
                                        R"({{ "x".y }})", R"({{ id."x" }})", R"({{ data"x" }})"}) {
        EXPECT_NE(refusal(text, MergeContext::kText), "accepted") << text;
    }
}

TEST(MergeTemplateTest, WhatIsNotAsciiInAHeaderIsSentAsTheNotificationSays) {
    const std::string data = R"({"name":"Renée 100%"})";
    constexpr std::string_view kText = "to {{ data.name }}";
    EXPECT_EQ(rendered(kText, MergeContext::kHeaderUtf8, data), "to Renée 100%");
    EXPECT_EQ(rendered(kText, MergeContext::kHeaderPercent, data), "to Ren%C3%A9e 100%25");
    const auto refused = MergeTemplate::compile(kText, MergeContext::kHeader, "headers.X")
                             ->render(test::sample_event(data), nullptr);
    EXPECT_EQ(refused.error().code, "template_error");
    EXPECT_EQ(refused.error().details.at("path"), "data.name");
    EXPECT_NE(refused.error().message.find("--header-encoding"), std::string::npos);
    EXPECT_EQ(refused.error().message.find("Ren"), std::string::npos) << "never the value";
}

TEST(MergeTemplateTest, NamesTheCharacterOfASyntaxError) {
    const std::string kPathRule =
        "a path has a name or index between its dots; one with a dot or a space in it stands in "
        "quotes: data.\"hub.challenge\"";
    const struct {
        std::string_view text;
        std::string expected;
    } cases[] = {
        {"ab {{ data.x", "field: at character 4: the {{ is not closed by }}"},
        {"\xC3\xA9{{", "field: at character 2: the {{ is not closed by }}"},
        {"{{ data.x | }}", "field: at character 13: expected a JSON string in quotes, or a number"},
        {"{{ data.x | true }}",
         "field: at character 13: expected a JSON string in quotes, or a number"},
        {"{{ data.x | 01 }}",
         "field: at character 13: expected a JSON string in quotes, or a number"},
        {"{{ data.x | \"a }}",
         "field: at character 13: expected a JSON string in quotes, or a number"},
        {"{{ data.x y }}", "field: at character 11: expected }} to close the merge field"},
        {"{{ data.x }", "field: at character 1: the {{ is not closed by }}"},
        {"{{ data.x } }}", "field: at character 11: expected }} to close the merge field"},
        {"{{ data..x }}", "field: at character 4: " + kPathRule},
        {"{{ data. }}", "field: at character 4: " + kPathRule},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(refusal(text, MergeContext::kText), expected) << text;
}

// S-23: nothing but the event can be reached.
TEST(MergeTemplateTest, UnknownNamesAreErrorsThatListTheKnownOnes) {
    for (const std::string_view text :
         {"{{ secret }}", "{{ provider.client_secret }}", "{{ id.x }}", "{{ type.0 }}", "{{ }}",
          "{{ Data.x }}", "{{#each data}}", "{{ dat\xC3\xA9 }}"}) {
        const std::string message = refusal(text, MergeContext::kText);
        EXPECT_NE(message.find("there are id, type, occurred_at and data"), std::string::npos)
            << message;
    }
}

TEST(MergeTemplateTest, AJsonTemplateMustBeJsonWhateverItsFieldsHold) {
    for (const std::string_view text :
         {"", "{", R"({"a":{{ data.x }})", R"({ {{ type }}:1})", "[{{ data.x }}{{ data.y }}]",
          "[1{{ data.x }}]", "[-{{ data.x }}]", R"(["\u00{{ data.x }}"])",
          R"(["\u{{ data.x }}0041"])", R"(["\{{ data.x }}"])", "[{{ data.x }},]",
          R"({"a":1} {{ data.x }})", R"(["{{ data.x }}])", "[\"\n{{ data.x }}\"]"}) {
        EXPECT_NE(refusal(text, MergeContext::kJson).find("not valid JSON"), std::string::npos)
            << text;
    }
    EXPECT_EQ(
        refusal("[{{ data.number.that.is.long }},\n \xC3\xA9]", MergeContext::kJson).substr(0, 25),
        "field: at character 35: n");
}

// E-93: scheme, host and port are written out.
TEST(MergeTemplateTest, AUrlRefusesFieldsBeforeThePath) {
    for (const std::string_view text :
         {"{{ data.url }}", "{{ data.scheme }}://h.example/", "https://{{ data.host }}/",
          "https://h.{{ data.tld }}/", "https://h.example:{{ data.port }}/",
          "https://h.example{{ data.path }}", "https:{{ data.rest }}",
          "https://{{ \"h.example\" }}/"}) {
        EXPECT_NE(refusal(text, MergeContext::kUrl).find("never decides scheme, host or port"),
                  std::string::npos)
            << text;
    }
}

TEST(MergeTemplateTest, APathValueNeverClimbs) {
    const struct {
        std::string_view text, value;
        bool refused;
    } cases[] = {
        {"https://h/a/{{ data }}", "..", true},
        {"https://h/a/{{ data }}/b", "..", true},
        {"https://h/a/{{ data }}?q=1", ".", true},
        {"https://h/a/.{{ data }}/b", ".", true},
        {"https://h/a/%2e{{ data }}/b", ".", true},
        {"https://h/a/{{ data }}{{ data }}/b", ".", true},
        {"https://h/a/.{{ data }}", "", true},
        {"https://h/a/{{ data }}/b", "...", false},
        {"https://h/a/x{{ data }}/b", "..", false},
        {"https://h/a?q={{ data }}", "..", false},
        {"https://h/a?q=/{{ data }}/", "..", false},
        {"https://h/a/{{ data }}/b", "../..", false},
        {"https://h/a/{{ data }}/b", "%2e%2e", false},
    };
    for (const auto& [text, value, refused] : cases) {
        const auto compiled = MergeTemplate::compile(text, MergeContext::kUrl, "url");
        ASSERT_TRUE(compiled);
        const auto out = compiled->render(sample_event('"' + std::string(value) + '"'), nullptr);
        EXPECT_EQ(!out, refused) << text << " with " << value;
        if (!out) {
            EXPECT_EQ(out.error().details.at("path").as_string(), "data");
        }
    }
}

// E-90, S-05
TEST(MergeTemplateTest, ControlCharactersAreRefusedInUrlsAndHeadersWithoutTellingTheValue) {
    const std::pair<MergeContext, std::string_view> contexts[] = {
        {MergeContext::kHeader, "{{ data.x }}"},
        {MergeContext::kQuery, "{{ data.x }}"},
        {MergeContext::kUrl, "https://h/{{ data.x }}"},
    };
    for (const std::string_view escaped :
         {"\\r", "\\n", "\\u0000", "\\r\\nX: y", "\\u007f", "\\u0085", "\\t"}) {
        for (const auto& [context, text] : contexts) {
            const auto compiled = MergeTemplate::compile(text, context, "field");
            const auto out = compiled->render(
                sample_event(R"({"x":"s3cret)" + std::string(escaped) + "\"}"), nullptr);
            ASSERT_FALSE(out) << escaped;
            EXPECT_EQ(out.error().code, "template_error");
            EXPECT_EQ(out.error().kind, core::ErrorKind::kPermanent);
            EXPECT_EQ(out.error().details.at("path").as_string(), "data.x");
            EXPECT_EQ(out.error().message.find("s3cret"), std::string::npos);
        }
    }
}

// E-92
TEST(MergeTemplateTest, RefusesOutputAboveOneMebibyte) {
    const std::string data = '"' + std::string(600'000, 'a') + '"';
    EXPECT_EQ(rendered("{{ data }}", MergeContext::kText, data).size(), 600'000U);
    EXPECT_EQ(rendered("{{ data }}{{ data }}", MergeContext::kText, data),
              "render: field: the value of data makes the text longer than 1 MiB");
    const std::string exact = '"' + std::string(kMaxRendered - 3, 'a') + '"';
    EXPECT_EQ(rendered("ab{{ data }}c", MergeContext::kText, exact).size(), kMaxRendered);
    EXPECT_EQ(rendered("ab{{ data }}cd", MergeContext::kText, exact).substr(0, 7), "render:");
}

TEST(MergeTemplateTest, TheSampleHasAnXForEveryField) {
    const auto compiled =
        MergeTemplate::compile("https://h/{{ id }}/b?{{ type }}", MergeContext::kUrl, "url");
    EXPECT_EQ(compiled->sample(), "https://h/x/b?x");
    EXPECT_TRUE(compiled->has_fields());
    EXPECT_FALSE(MergeTemplate::compile("https://h/", MergeContext::kUrl, "url")->has_fields());
}

}  // namespace
}  // namespace herald::dispatcher
