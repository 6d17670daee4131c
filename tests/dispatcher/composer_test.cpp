#include "dispatcher/composer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/encoding.h"
#include "core/json.h"
#include "herald_version.h"
#include "tests/dispatcher/samples.h"

namespace herald::dispatcher {
namespace {

using storage::NotificationRecord;
using test::sample_event;
using test::sample_notification;
using testing::HasSubstr;

constexpr std::string_view kSigningSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const core::SystemTime kNow = test::at("2026-03-01T12:00:00.999Z");

core::Result<http::Request> composed(NotificationRecord record,
                                     const storage::EventRecord& event = sample_event(),
                                     std::vector<std::string>* warnings = nullptr) {
    const auto compiled = compile(std::move(record));
    if (!compiled) return compiled.error();
    return compose(**compiled, event, test::sample_callout(), 3, kNow, warnings);
}

std::string header(const http::Request& request, std::string_view name) {
    const auto values = request.headers.all(name);
    if (values.empty()) return "(none)";
    return values.size() == 1 ? std::string(values.front()) : "(several)";
}

TEST(ComposerTest, CarriesTheHeadersOfTheContract) {
    const auto request = composed(sample_notification());
    ASSERT_TRUE(request);
    EXPECT_EQ(request->method, "POST");
    EXPECT_EQ(request->url.text(), "https://receiver.example/hook");
    EXPECT_EQ(header(*request, "webhook-id"), test::sample_callout().text());
    EXPECT_EQ(header(*request, "webhook-timestamp"), "1772366400");
    EXPECT_EQ(header(*request, "webhook-signature"), "(none)");
    EXPECT_EQ(header(*request, "Herald-Attempt"), "3");
    EXPECT_EQ(header(*request, "User-Agent"), "herald/" HERALD_VERSION);
    EXPECT_EQ(header(*request, "Accept-Encoding"), "identity");
    EXPECT_EQ(header(*request, "Content-Type"), "application/json");
    EXPECT_EQ(request->headers.size(), 6U);
    EXPECT_FALSE(request->carries_credentials);
}

TEST(ComposerTest, TheDefaultBodyKeepsTheDataByteForByte) {
    const std::string data = "{ \"n\": 1.10, \"n\":2e0,\"big\":12345678901234567890 }";
    const auto request = composed(sample_notification(), sample_event(data));
    EXPECT_EQ(request->body,
              R"({"id":")" + sample_event().id.text() +
                  R"(","type":"invoice.posted","occurred_at":"2026-03-01T12:00:00.250Z","data":)" +
                  data + "}");
    EXPECT_TRUE(core::validate_json(request->body));
}

TEST(ComposerTest, AnEventOfTheGreatestSizeStillHasADefaultBody) {
    const std::string data = '"' + std::string(1024 * 1024 - 2, 'x') + '"';
    EXPECT_TRUE(composed(sample_notification(), sample_event(data)));
}

TEST(ComposerTest, GetAndDeleteHaveNoBodyUnlessAskedFor) {
    for (const std::string method : {"GET", "DELETE"}) {
        auto record = sample_notification();
        record.method = method;
        const auto bare = composed(record.clone());
        EXPECT_EQ(bare->body, "");
        EXPECT_EQ(header(*bare, "Content-Type"), "(none)");
        record.body_template = "{}";
        const auto asked = composed(std::move(record));
        EXPECT_EQ(asked->body, "{}");
        EXPECT_EQ(header(*asked, "Content-Type"), "application/json");
    }
}

TEST(ComposerTest, TheContentTypeDecidesHowTheBodyIsEscaped) {
    const struct {
        std::string_view content_type, text, expected;
    } cases[] = {
        {"application/json", R"({"v":{{ data.v }}})", R"({"v":"a \"b\"&c"})"},
        {"Application/JSON; charset=utf-8", R"(["{{ data.v }}"])", R"(["a \"b\"&c"])"},
        {"application/vnd.acme+json", R"([{{ data.v }}])", R"(["a \"b\"&c"])"},
        {"application/x-www-form-urlencoded", "v={{ data.v }}&w=1", "v=a+%22b%22%26c&w=1"},
        {"text/plain", "v={{ data.v }}", "v=a \"b\"&c"},
    };
    for (const auto& [content_type, text, expected] : cases) {
        auto record = sample_notification();
        record.content_type = content_type;
        record.body_template = text;
        const auto request = composed(std::move(record), sample_event(R"({"v":"a \"b\"&c"})"));
        ASSERT_TRUE(request) << content_type;
        EXPECT_EQ(request->body, expected);
        EXPECT_EQ(header(*request, "Content-Type"), content_type);
    }
}

TEST(ComposerTest, MergesIntoUrlParametersAndHeaders) {
    auto record = sample_notification();
    record.url = "https://Receiver.example/a/{{ data.id }}";
    record.parameters = {{"q x", "{{ data.id }}&"}, {"q x", "2"}};
    record.headers = {{"X-Account", "acct-{{ data.n }}"}, {"X-Account", "b"}};
    const auto request = composed(std::move(record), sample_event(R"({"id":"7/8 é","n":1.50})"));
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->url.host, "receiver.example");
    EXPECT_EQ(request->url.target, "/a/7%2F8%20%C3%A9?q%20x=7%2F8%20%C3%A9%26&q%20x=2");
    EXPECT_THAT(request->headers.all("X-Account"), testing::ElementsAre("acct-1.50", "b"));
}

TEST(ComposerTest, ParametersFollowAQueryThatIsThere) {
    auto record = sample_notification();
    record.url = "https://receiver.example/hook?a=1";
    record.parameters = {{"b", "2"}};
    EXPECT_EQ(composed(record.clone())->url.target, "/hook?a=1&b=2");
    record.url = "https://receiver.example";
    EXPECT_EQ(composed(std::move(record))->url.target, "/?b=2");
}

TEST(ComposerTest, AUserAgentOfTheNotificationReplacesOurs) {
    auto record = sample_notification();
    record.headers = {{"user-agent", "acme/1"}};
    EXPECT_EQ(header(*composed(std::move(record)), "User-Agent"), "acme/1");
}

TEST(ComposerTest, KnowsWhetherItCarriesCredentials) {
    auto record = sample_notification();
    record.headers = {{"authorization", "Token x"}};
    EXPECT_TRUE(composed(std::move(record))->carries_credentials);
    record = sample_notification();
    record.auth = storage::BasicAuth{.username = "u", .password = core::Secret("p")};
    const auto request = composed(std::move(record));
    EXPECT_TRUE(request->carries_credentials);
    EXPECT_EQ(header(*request, "Authorization"), "(none)") << "that is the courier's";
}

TEST(ComposerTest, ReportsMissingFieldsAsWarnings) {
    auto record = sample_notification();
    record.headers = {{"X-A", "{{ data.nope }}"}};
    std::vector<std::string> warnings;
    const auto request = composed(std::move(record), sample_event(), &warnings);
    EXPECT_EQ(header(*request, "X-A"), "");
    EXPECT_EQ(warnings, std::vector<std::string>{"data.nope: missing"});
}

// S-05: whatever stands in the data, no second line and no second request.
TEST(ComposerTest, RefusesHeaderInjectionWithoutTellingTheValue) {
    for (const std::string_view escaped : {"\\r\\nX-Evil: 1", "\\n", "\\r", "\\u0000", "\\u0085",
                                           "\\u2028", "\\u000b", "\\u001b[31m", "\\ud83d\\ude00"}) {
        auto record = sample_notification();
        record.headers = {{"X-A", "{{ data.x }}"}};
        const auto request = composed(
            std::move(record), sample_event(R"({"x":"s3cret)" + std::string(escaped) + "\"}"));
        ASSERT_FALSE(request) << escaped;
        EXPECT_THAT(request.error().code, testing::AnyOf("template_error", "rejected_request"));
        EXPECT_EQ(request.error().message.find("s3cret"), std::string::npos)
            << request.error().message;
    }
}

TEST(ComposerTest, HarmlessLookalikesStayText) {
    auto record = sample_notification();
    record.headers = {{"X-A", "{{ data }}"}};
    const auto request =
        composed(std::move(record), sample_event(R"("%0d%0aX: =?UTF-8?B?DQo=?=")"));
    EXPECT_EQ(header(*request, "X-A"), "%0d%0aX: =?UTF-8?B?DQo=?=");
}

// E-93
TEST(ComposerTest, DataNeverMovesTheHost) {
    auto record = sample_notification();
    record.url = "https://receiver.example/{{ data }}";
    for (const std::string_view value : {"@evil.example/", "//evil.example", "\\\\evil.example",
                                         "#x", "?x", ":99/", "../../x", "https://evil.example/"}) {
        const auto compiled = compile(record.clone());
        const auto event = sample_event('"' + core::escape_json(value) + '"');
        const auto request = compose(**compiled, event, test::sample_callout(), 1, kNow, nullptr);
        ASSERT_TRUE(request) << value;
        EXPECT_EQ(request->url.origin(), "https://receiver.example") << value;
        EXPECT_EQ(request->url.target, "/" + core::percent_encode(value));
    }
}

TEST(ComposerTest, CompileNamesTheFieldThatIsWrong) {
    const auto field_of = [](NotificationRecord record) {
        const auto compiled = compile(std::move(record));
        return compiled ? std::string("none")
                        : std::string(compiled.error().details.at("field").as_string());
    };
    auto record = sample_notification();
    record.url = "https://h/{{ nope }}";
    EXPECT_EQ(field_of(std::move(record)), "url");
    record = sample_notification();
    record.url = "ftp://h/";
    EXPECT_EQ(field_of(std::move(record)), "url");
    record = sample_notification();
    record.headers = {{"X-A", "{{"}};
    EXPECT_EQ(field_of(std::move(record)), "headers.X-A");
    record = sample_notification();
    record.parameters = {{"p", "{{"}};
    EXPECT_EQ(field_of(std::move(record)), "parameters.p");
    record = sample_notification();
    record.body_template = "{";
    EXPECT_EQ(field_of(std::move(record)), "body_template");
    record = sample_notification();
    record.signing_secret = core::Secret("whsec_short");
    EXPECT_EQ(field_of(std::move(record)), "signing_secret");
}

// S-22: the example of the Standard Webhooks libraries.
TEST(SignatureTest, MatchesThePublishedVector) {
    const auto key = decode_signing_secret(core::Secret(kSigningSecret));
    ASSERT_TRUE(key);
    EXPECT_EQ(sign(*key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", R"({"test": 2432232314})"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(SignatureTest, CoversIdTimestampAndTheBodyThatIsSent) {
    auto record = sample_notification();
    record.signing_secret = core::Secret(kSigningSecret);
    const auto request = composed(std::move(record));
    ASSERT_TRUE(request);
    const auto key = decode_signing_secret(core::Secret(kSigningSecret));
    EXPECT_EQ(header(*request, "webhook-signature"),
              sign(*key, header(*request, "webhook-id"), header(*request, "webhook-timestamp"),
                   request->body));
}

TEST(SignatureTest, TheSignedIdHasNoDot) {
    EXPECT_EQ(test::sample_callout().text().find('.'), std::string::npos);
}

TEST(SignatureTest, SecretsHave24To64Bytes) {
    for (const std::size_t size : {std::size_t{24}, std::size_t{32}, std::size_t{64}}) {
        const core::Secret secret("whsec_" + core::base64_encode(std::string(size, 'k')));
        const auto key = decode_signing_secret(secret);
        ASSERT_TRUE(key) << size;
        EXPECT_EQ(key->reveal(), std::string(size, 'k'));
    }
}

TEST(SignatureTest, SecretsAreReadInEveryFormThatMeansOneThing) {
    const std::string bytes = "\xFB\xFF\xBFkkkkkkkkkkkkkkkkkkkkkkkkk";
    const std::string usual = core::base64_encode(bytes);
    std::string url_safe = usual;
    for (char& c : url_safe) c = c == '+' ? '-' : c == '/' ? '_' : c;
    ASSERT_NE(usual, url_safe);
    ASSERT_TRUE(usual.ends_with('='));
    const std::string unpadded = usual.substr(0, usual.find('='));
    for (const std::string& text :
         {"whsec_" + usual, usual, "whsec_" + unpadded, unpadded, "whsec_" + url_safe, url_safe,
          "v1,whsec_" + usual, "WHSEC_" + usual, "whsec_" + usual + "\n", " whsec_" + usual,
          "\xEF\xBB\xBFwhsec_" + usual, "whsec_" + url_safe.substr(0, url_safe.find('='))}) {
        const auto key = decode_signing_secret(core::Secret(text));
        ASSERT_TRUE(key) << text << ": " << key.error().message;
        EXPECT_EQ(key->reveal(), bytes) << text;
    }
}

TEST(SignatureTest, OtherSecretsAreRefusedWithTheRuleAndNotShown) {
    const std::string good = core::base64_encode(std::string(32, 'k'));
    struct Row {
        std::string text;
        const char* rule;
    };
    for (const Row& row : std::vector<Row>{
             {"", "hexadecimal"},
             {"whsec_", "0 bytes"},
             {"whsec_" + good + "!", "no base64"},
             {good + "\n" + good, "no base64"},
             {std::string(32, 'a'), "hexadecimal"},
             {"whsec_" + core::base64_encode(std::string(23, 'k')), "23 bytes"},
             {"whsec_" + core::base64_encode(std::string(65, 'k')), "65 bytes"},
         }) {
        const auto key = decode_signing_secret(core::Secret(row.text));
        ASSERT_FALSE(key) << row.text;
        EXPECT_EQ(key.error().details.at("field").as_string(), "signing_secret");
        EXPECT_NE(key.error().message.find(row.rule), std::string::npos) << key.error().message;
        EXPECT_NE(key.error().message.find("base64"), std::string::npos);
        EXPECT_EQ(key.error().message.find("a2tra2tr"), std::string::npos);
    }
}

}  // namespace
}  // namespace herald::dispatcher
