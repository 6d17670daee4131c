#include <gmock/gmock.h>

#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

using NotificationTrialsTest = ApiFixture;

TEST_F(NotificationTrialsTest, PreviewShowsTheRequestAndSendsNothing) {
    must("POST", "/v1/notifications",
         R"({"name":"posted","events":["invoice.*"],"url":"https://a.example/{{ data.id }}",
        "headers":{"X-Source":"{{ data.source }}"},
        "body_template":"{\"n\": {{ data.n }}, \"t\": \"{{ type }}\"}",
        "auth":{"kind":"header","name":"X-Api-Key","value":"CANARY-value"}})");
    const Answer shown = must("POST", "/v1/notifications/posted/preview",
                              R"({"data":{"id":"a/b","n":12345678901234567890.10}})");
    EXPECT_EQ(shown.text_at("method"), "POST");
    EXPECT_EQ(shown.text_at("url"), "https://a.example/a%2Fb");
    EXPECT_EQ(shown.text_at("headers.X-Api-Key"), "********");
    EXPECT_EQ(shown.text_at("body"), R"({"n": 12345678901234567890.10, "t": "invoice.example"})");
    EXPECT_THAT(shown.text_at("warnings"), testing::HasSubstr("data.source"));
    EXPECT_THAT(shown.text, testing::Not(testing::HasSubstr("CANARY")));
    EXPECT_TRUE(received_.empty());
}

TEST_F(NotificationTrialsTest, SealedFieldsAreMaskedInPreviewAndShownByNameOnly) {
    const Answer added = must("POST", "/v1/notifications",
                              R"({"name":"posted","events":["*"],"url":"https://a.example/x",
        "secret_headers":{"X-Api-Key":"CANARY-1"},"secret_parameters":{"sig":"CANARY-2"}})");
    EXPECT_EQ(added.text_at("secret_headers"), R"({"X-Api-Key":"set"})");
    const Answer shown = must("POST", "/v1/notifications/posted/preview");
    EXPECT_EQ(shown.text_at("headers.X-Api-Key"), "********");
    EXPECT_EQ(shown.text_at("url"), "https://a.example/x?sig=%2A%2A%2A%2A%2A%2A%2A%2A");
    EXPECT_THAT(added.text + shown.text, testing::Not(testing::HasSubstr("CANARY")));
}

TEST_F(NotificationTrialsTest, PreviewMasksBearerAndBasicAuthorization) {
    given_provider();
    given_notification("bearer", "*", R"({"kind":"oauth2","provider":"crm"})");
    given_notification("basic", "*", R"({"kind":"basic","username":"u","password":"CANARY"})");
    EXPECT_EQ(must("POST", "/v1/notifications/bearer/preview").text_at("headers.Authorization"),
              "Bearer ********");
    EXPECT_EQ(must("POST", "/v1/notifications/basic/preview").text_at("headers.Authorization"),
              "Basic ********");
    EXPECT_TRUE(asked_.empty());
}

TEST_F(NotificationTrialsTest, TheSampleTypeMayBeGivenAndMustBeOne) {
    given_notification("all", "*");
    EXPECT_THAT(
        must("POST", "/v1/notifications/all/preview", R"({"type":"a.b","data":1})").text_at("body"),
        testing::HasSubstr(R"("type":"a.b")"));
    EXPECT_EQ(call("POST", "/v1/notifications/all/preview", R"({"type":"a b"})").status, 422);
    EXPECT_EQ(
        call("POST", "/v1/notifications/all/preview", R"({"date":{}})").text_at("details.field"),
        "date");
    EXPECT_EQ(call("POST", "/v1/notifications/all/preview", "nonsense").status, 400);
    EXPECT_EQ(call("POST", "/v1/notifications/nobody/preview").status, 404);
}

TEST_F(NotificationTrialsTest, TestSendsOneCalloutAndKeepsNoHistory) {
    given_notification("posted", "invoice.*");
    receiver_ = [](const http::Request&) { return respond(503, "try later"); };
    const Answer attempt = must("POST", "/v1/notifications/posted/test", R"({"data":{"a":1}})");
    EXPECT_EQ(attempt.at("number"), 1);
    EXPECT_EQ(attempt.at("resend"), false);
    EXPECT_EQ(attempt.at("status"), 503);
    EXPECT_EQ(attempt.text_at("outcome"), "retry");
    EXPECT_EQ(attempt.text_at("response_excerpt"), "try later");
    EXPECT_TRUE(attempt.at("token_generation").is_null());
    ASSERT_EQ(received_.size(), 1U);
    EXPECT_THAT(received_[0].body, testing::HasSubstr(R"("data":{"a":1})"));
    EXPECT_TRUE(must("GET", "/v1/callouts").array_at("items").empty());
    EXPECT_EQ(must("GET", "/v1/stats").at("events"), 0);
}

TEST_F(NotificationTrialsTest, TestWithAProviderThatIsRefusedTellsItsError) {
    provider_ = [](const http::Request&) {
        return respond_json(400, R"({"error":"invalid_client"})");
    };
    given_provider();
    given_notification("posted", "*", R"({"kind":"oauth2","provider":"crm"})");
    const Answer refused = call("POST", "/v1/notifications/posted/test");
    EXPECT_EQ(refused.status, 502);
    EXPECT_EQ(refused.text_at("code"), "oauth_error");
    EXPECT_EQ(refused.text_at("details.error"), "invalid_client");
    EXPECT_TRUE(received_.empty());
}

TEST_F(NotificationTrialsTest, AnEchoedCredentialIsMaskedInTheExcerpt) {
    given_notification("posted", "*",
                       R"({"kind":"header","name":"X-Api-Key","value":"CANARY-value"})");
    receiver_ = [](const http::Request& request) {
        return respond(400,
                       "you sent " + std::string(request.headers.get("X-Api-Key").value_or("")));
    };
    const Answer attempt = must("POST", "/v1/notifications/posted/test");
    EXPECT_THAT(attempt.text, testing::Not(testing::HasSubstr("CANARY")));
}

TEST_F(NotificationTrialsTest, ReceiverBytesThatAreNoUtf8AreEscaped) {
    given_notification("posted", "*");
    receiver_ = [](const http::Request&) { return respond(200, std::string("a\xff\0b", 4)); };
    const Answer attempt = must("POST", "/v1/notifications/posted/test");
    EXPECT_EQ(attempt.text_at("response_excerpt"), "a\\xff\\x00b");
}

}  // namespace
}  // namespace herald::test
