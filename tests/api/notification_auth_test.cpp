// The authentications of a notification that a key pair stands behind.
#include <gmock/gmock.h>

#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kKey = R"("key_id":"CANARY-id","key_secret":"CANARY-secret")";
constexpr const char* kUuid = "11e643f4-a3ee-8bad-b061-0025904c756d";

class NotificationAuthTest : public ApiFixture {
protected:
    static std::string auth(const std::string& kind, const std::string& more = {}) {
        return R"({"kind":")" + kind + R"(",)" + kKey + (more.empty() ? "" : "," + more) + "}";
    }
    static std::string session() {
        return auth("session_cookie", R"("login_url":"https://a.example/login?q=hidden")");
    }
    static std::string single_use() {
        return auth("single_use_token", R"("signature_url":"https://a.example/sign",)"
                                        R"("body_template":"{\"uri\":\"{{ data.uri }}\"}")");
    }
    Answer change(const std::string& auth) {
        return call("PATCH", "/v1/notifications/posted", R"({"auth":)" + auth + "}");
    }
    template <class Auth>
    Auth stored() {
        auto record = store_->notification("posted").value();
        return std::get<Auth>(std::move(record.auth));
    }
};

TEST_F(NotificationAuthTest, AKeyPairShowsEverythingButItsHalves) {
    given_notification("posted", "*", auth("key_pair"));
    const auto shown = [&] { return must("GET", "/v1/notifications/posted").text_at("auth"); };
    EXPECT_EQ(shown(), R"({"kind":"key_pair","id_header":"apiAccessKeyId",)"
                       R"("secret_header":"apiSecretAccessKey","key_id":"set","key_secret":"set",)"
                       R"("entity_id":null,"entity_name":null})");
    ASSERT_EQ(change(R"({"kind":"key_pair","id_header":"X-Id","secret_header":"X-Secret",)"
                     R"("entity_name":"Global"})")
                  .status,
              200);
    EXPECT_EQ(shown(), R"({"kind":"key_pair","id_header":"X-Id","secret_header":"X-Secret",)"
                       R"("key_id":"set","key_secret":"set",)"
                       R"("entity_id":null,"entity_name":"Global"})");
    EXPECT_EQ(stored<storage::KeyPairAuth>().key.secret.reveal(), "CANARY-secret");
}

TEST_F(NotificationAuthTest, ASessionCookieShowsItsSettings) {
    given_notification("posted", "*", session());
    EXPECT_EQ(must("GET", "/v1/notifications/posted").text_at("auth"),
              R"({"kind":"session_cookie","login_url":"https://a.example/login?q=hidden",)"
              R"("session_timeout_s":900,"id_header":"apiAccessKeyId",)"
              R"("secret_header":"apiSecretAccessKey","key_id":"set","key_secret":"set"})");
    ASSERT_EQ(change(R"({"kind":"session_cookie","session_timeout_s":60})").status, 200);
    const auto after = stored<storage::SessionCookieAuth>();
    EXPECT_EQ(after.session_timeout, std::chrono::seconds(60));
    EXPECT_EQ(after.login_url, "https://a.example/login?q=hidden");
    EXPECT_EQ(after.key.id.reveal(), "CANARY-id");
}

TEST_F(NotificationAuthTest, ASingleUseTokenShowsItsSettings) {
    given_notification("posted", "*", single_use());
    EXPECT_EQ(
        must("GET", "/v1/notifications/posted").text_at("auth"),
        R"({"kind":"single_use_token","signature_url":"https://a.example/sign","method":"POST",)"
        R"("body_template":"{\"uri\":\"{{ data.uri }}\"}","token_pointer":"/token",)"
        R"("signature_pointer":"/signature","token_header":"token",)"
        R"("signature_header":"signature","id_header":"apiAccessKeyId",)"
        R"("secret_header":"apiSecretAccessKey","key_id":"set","key_secret":"set"})");
    ASSERT_EQ(change(R"({"kind":"single_use_token","body_template":null,"method":"GET",)"
                     R"("token_pointer":"/a","signature_pointer":"/b","token_header":"X-A",)"
                     R"("signature_header":"X-B","key_secret":"CANARY-other"})")
                  .status,
              200);
    const auto after = stored<storage::SingleUseTokenAuth>();
    EXPECT_EQ(after.body_template, std::nullopt);
    EXPECT_EQ(after.method, "GET");
    EXPECT_EQ(after.token_pointer, "/a");
    EXPECT_EQ(after.signature_header, "X-B");
    EXPECT_EQ(after.key.id.reveal(), "CANARY-id");
    EXPECT_EQ(after.key.secret.reveal(), "CANARY-other");
}

TEST_F(NotificationAuthTest, TheEntityOfATokenIsShownAndCleared) {
    given_provider();
    given_notification(
        "posted", "*",
        R"({"kind":"oauth2","provider":"crm","entity":")" + std::string(kUuid) + R"("})");
    const auto shown = [&] { return must("GET", "/v1/notifications/posted").text_at("auth"); };
    EXPECT_EQ(shown(),
              R"({"kind":"oauth2","provider":"crm","entity":")" + std::string(kUuid) + R"("})");
    ASSERT_EQ(change(R"({"kind":"oauth2","provider":"crm"})").status, 200);
    EXPECT_THAT(shown(), HasSubstr(kUuid));
    ASSERT_EQ(change(R"({"kind":"oauth2","entity":null})").status, 200);
    EXPECT_EQ(shown(), R"({"kind":"oauth2","provider":"crm","entity":null})");
    EXPECT_EQ(change(R"({"kind":"oauth2","entity":"x"})").text_at("details.field"), "auth.entity");
}

TEST_F(NotificationAuthTest, AnotherKindBeginsWithoutTheSecrets) {
    given_notification("posted", "*", auth("key_pair"));
    const Answer refused =
        change(R"({"kind":"session_cookie","login_url":"https://a.example/login"})");
    EXPECT_EQ(refused.status, 422);
    EXPECT_EQ(refused.text_at("details.field"), "auth.key_id");
    EXPECT_THAT(refused.text, HasSubstr("--key-id-file"));
    EXPECT_EQ(stored<storage::KeyPairAuth>().key.id.reveal(), "CANARY-id");
}

TEST_F(NotificationAuthTest, BadInputNamesTheFieldAndChangesNothing) {
    given_notification("posted", "*", session());
    const std::string before = must("GET", "/v1/notifications/posted").text;
    const std::vector<std::pair<std::string, std::string>> rows = {
        {R"({"kind":"session_cookie","session_timeout_s":0})", "auth.session_timeout_s"},
        {R"({"kind":"session_cookie","session_timeout_s":"15m"})", "auth.session_timeout_s"},
        {R"({"kind":"session_cookie","session_timeout_s":9223372036854775807})",
         "auth.session_timeout_s"},
        {R"({"kind":"session_cookie","login_url":"http://a.example/"})", "auth.login_url"},
        {R"({"kind":"session_cookie","login_url":"https://10.0.0.1/"})", "auth.login_url"},
        {R"({"kind":"session_cookie","login_url":null})", "auth.login_url"},
        {R"({"kind":"session_cookie","key_secret":"set"})", "auth.key_secret"},
        {R"({"kind":"session_cookie","entity_id":null})", "auth.entity_id"},
        {auth("session_cookie", R"("id_header":"x y")"), "auth.id_header"},
        {auth("key_pair", R"("entity_id":")" + std::string(kUuid) + R"(","entity_name":"a")"),
         "auth.entity_id"},
        {auth("key_pair", R"("key":"x")"), "auth.key"},
        {R"({"kind":"key_pair","key_id":"CANARY"})", "auth.key_secret"},
        {auth("single_use_token"), "auth.signature_url"},
        {auth("single_use_token", R"("signature_url":"https://a/","token_pointer":"x")"),
         "auth.token_pointer"},
        {auth("single_use_token", R"("signature_url":"https://a/","body_template":"{")"),
         "auth.body_template"},
        {R"({"kind":"key-pair"})", "auth.kind"},
    };
    for (const auto& [body, field] : rows) {
        const Answer answer = change(body);
        EXPECT_EQ(answer.status, 422) << body << " " << answer.text;
        EXPECT_EQ(answer.text_at("details.field"), field) << body;
        EXPECT_THAT(answer.text, Not(HasSubstr("CANARY")));
    }
    EXPECT_EQ(must("GET", "/v1/notifications/posted").text, before);
}

TEST_F(NotificationAuthTest, PreviewMasksWhatWouldBeShownAndSendsNothing) {
    given_notification("pair", "*", auth("key_pair", R"("entity_name":"Global")"));
    given_notification("session", "*", session());
    given_notification("single", "*", single_use());
    const Answer pair = must("POST", "/v1/notifications/pair/preview");
    EXPECT_EQ(pair.text_at("headers.apiAccessKeyId"), "********");
    EXPECT_EQ(pair.text_at("headers.apiSecretAccessKey"), "********");
    EXPECT_EQ(pair.text_at("headers.entityName"), "Global");
    const Answer cookie = must("POST", "/v1/notifications/session/preview");
    EXPECT_EQ(cookie.text_at("headers.Cookie"), "********");
    const Answer single = must("POST", "/v1/notifications/single/preview");
    EXPECT_EQ(single.text_at("headers.token"), "********");
    EXPECT_EQ(single.text_at("headers.signature"), "********");
    EXPECT_THAT(single.text_at("warnings"), HasSubstr("data.uri"));
    for (const Answer& answer : {pair, cookie, single})
        EXPECT_THAT(answer.text, Not(HasSubstr("CANARY")));
    EXPECT_TRUE(received_.empty());
}

TEST_F(NotificationAuthTest, ATestLogsInAndShowsNoCookie) {
    given_notification("posted", "*", session());
    receiver_ = [](const http::Request& request) {
        if (request.url.target.starts_with("/login")) {
            http::Headers headers;
            headers.add("Set-Cookie", "s=CANARY-cookie; Secure");
            return respond(200, "", std::move(headers));
        }
        return respond(200, "you sent " + std::string(request.headers.get("Cookie").value_or("")));
    };
    const Answer attempt = must("POST", "/v1/notifications/posted/test");
    ASSERT_EQ(received_.size(), 2U);
    EXPECT_EQ(received_[1].headers.get("Cookie"), "s=CANARY-cookie");
    EXPECT_EQ(attempt.text_at("outcome"), "delivered");
    EXPECT_EQ(attempt.text_at("response_excerpt"), "you sent ********");
}

TEST_F(NotificationAuthTest, ATestTellsWhyThereWasNoLogin) {
    given_notification("posted", "*", session());
    receiver_ = [](const http::Request&) { return respond(401, "CANARY-id CANARY-secret"); };
    const Answer refused = call("POST", "/v1/notifications/posted/test");
    EXPECT_EQ(refused.status, 502);
    EXPECT_EQ(refused.text_at("code"), "auth_unavailable");
    EXPECT_EQ(refused.at("details.status"), 401);
    EXPECT_EQ(refused.text_at("details.class"), "http");
    EXPECT_EQ(refused.text_at("details.notification"), "posted");
    EXPECT_THAT(refused.text, HasSubstr("log in for notification 'posted' at "
                                        "https://a.example/login: it answered 401"));
    EXPECT_THAT(refused.text, Not(HasSubstr("CANARY")));
    EXPECT_THAT(refused.text, Not(HasSubstr("hidden")));
}

TEST_F(NotificationAuthTest, ATestTellsWhyThereWasNoSignature) {
    given_notification("posted", "*", single_use());
    receiver_ = [](const http::Request&) { return respond(200, R"({"token":"CANARY-token"})"); };
    const Answer refused = call("POST", "/v1/notifications/posted/test");
    EXPECT_EQ(refused.status, 502);
    EXPECT_EQ(refused.text_at("details.class"), "malformed");
    EXPECT_THAT(refused.text, HasSubstr("the answer has nothing at /signature"));
    EXPECT_THAT(refused.text, Not(HasSubstr("CANARY")));
    EXPECT_EQ(received_.size(), 1U);
}

}  // namespace
}  // namespace herald::test
