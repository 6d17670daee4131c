#include "dispatcher/auth_rules.h"

#include <gtest/gtest.h>

#include <functional>

#include "dispatcher/notification_rules.h"
#include "tests/dispatcher/samples.h"

namespace herald::dispatcher {
namespace {

using std::chrono::seconds;
using storage::KeyPairAuth;
using storage::NotificationRecord;
using storage::OauthAuth;
using storage::SessionCookieAuth;
using storage::SingleUseTokenAuth;

storage::KeyPair key_pair() {
    return {.id = core::Secret("s3cret-id"), .secret = core::Secret("s3cret")};
}

template <class Auth>
Auth sample() {
    Auth auth;
    if constexpr (requires { auth.key; }) auth.key = key_pair();
    if constexpr (requires { auth.login_url; }) auth.login_url = "https://a.example/login";
    if constexpr (requires { auth.signature_url; }) auth.signature_url = "https://a.example/sign";
    return auth;
}

struct RuleCase {
    std::string name;
    std::function<NotificationRecord()> make;
    std::string_view field;  ///< of the error; empty: accepted
};

void PrintTo(const RuleCase& rule, std::ostream* out) {
    *out << rule.name;
}

template <class Auth>
RuleCase rule(std::string name, std::function<void(Auth&)> change, std::string_view field,
              storage::Fields headers = {}) {
    return {std::move(name),
            [change, headers] {
                NotificationRecord record = test::sample_notification();
                Auth auth = sample<Auth>();
                change(auth);
                record.auth = std::move(auth);
                record.headers = headers;
                return record;
            },
            field};
}

class AuthRuleTest : public testing::TestWithParam<RuleCase> {};

TEST_P(AuthRuleTest, HoldsAsTheTableSays) {
    const auto policy = http::EgressPolicy::parse("127.0.0.1").value();
    const auto result = validate(GetParam().make(), policy);
    if (GetParam().field.empty()) {
        EXPECT_TRUE(result) << result.error().message;
        return;
    }
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().details.at("field").as_string(), GetParam().field)
        << result.error().message;
    EXPECT_EQ(result.error().message.find("s3cret"), std::string::npos) << result.error().message;
}

constexpr const char* kUuid = "11e643f4-a3ee-8bad-b061-0025904c756d";
constexpr const char* kBare = "11E643F4a3ee8badb0610025904c756d";

RuleCase key(std::string name, std::function<void(KeyPairAuth&)> change, std::string_view field,
             storage::Fields headers = {}) {
    return rule<KeyPairAuth>("key-pair " + name, std::move(change), field, std::move(headers));
}

INSTANTIATE_TEST_SUITE_P(
    KeyPair, AuthRuleTest,
    testing::Values(
        key(
            "plain", [](auto&) {}, ""),
        key(
            "other names",
            [](auto& a) {
                a.key.id_header = "X-Id";
                a.key.secret_header = "Authorization";
            },
            ""),
        key(
            "no id", [](auto& a) { a.key.id = core::Secret(""); }, "auth.key_id"),
        key(
            "no secret", [](auto& a) { a.key.secret = core::Secret(""); }, "auth.key_secret"),
        key(
            "id line", [](auto& a) { a.key.id = core::Secret("s3cret\nX: y"); }, "auth.key_id"),
        key(
            "secret line", [](auto& a) { a.key.secret = core::Secret("s3cret\r"); },
            "auth.key_secret"),
        key(
            "secret umlaut", [](auto& a) { a.key.secret = core::Secret("s3cret\xC3\xA4"); },
            "auth.key_secret"),
        key(
            "bad name", [](auto& a) { a.key.id_header = "X Id"; }, "auth.id_header"),
        key(
            "no name", [](auto& a) { a.key.secret_header = ""; }, "auth.secret_header"),
        key(
            "reserved", [](auto& a) { a.key.id_header = "Host"; }, "auth.id_header"),
        key(
            "ours", [](auto& a) { a.key.secret_header = "webhook-id"; }, "auth.secret_header"),
        key(
            "user agent", [](auto& a) { a.key.secret_header = "User-Agent"; },
            "auth.secret_header"),
        key(
            "twice", [](auto& a) { a.key.secret_header = "APIACCESSKEYID"; }, "auth.secret_header"),
        key("in the way", [](auto&) {}, "headers", {{"apiaccesskeyid", "x"}}),
        key("beside Authorization", [](auto&) {}, "headers", {{"Authorization", "x"}}),
        key(
            "entity id", [](auto& a) { a.entity_id = kUuid; }, ""),
        key(
            "bare entity id", [](auto& a) { a.entity_id = kBare; }, ""),
        key(
            "entity name", [](auto& a) { a.entity_name = "Global 1"; }, ""),
        key(
            "both",
            [](auto& a) {
                a.entity_id = kUuid;
                a.entity_name = "Global";
            },
            "auth.entity_id"),
        key(
            "short entity", [](auto& a) { a.entity_id = "11e643f4"; }, "auth.entity_id"),
        key(
            "entity no hex", [](auto& a) { a.entity_id = std::string(32, 'g'); }, "auth.entity_id"),
        key(
            "entity misplaced hyphens", [](auto& a) { a.entity_id = std::string(36, '-'); },
            "auth.entity_id"),
        key(
            "entity name line", [](auto& a) { a.entity_name = "a\r\nb"; }, "auth.entity_name"),
        key(
            "entity name empty", [](auto& a) { a.entity_name = ""; }, "auth.entity_name"),
        key(
            "entity header taken",
            [](auto& a) {
                a.entity_id = kUuid;
                a.key.id_header = "EntityId";
            },
            "auth.id_header"),
        key("entity in the way", [](auto& a) { a.entity_id = kUuid; }, "headers",
            {{"entityid", "x"}})));

RuleCase session(std::string name, std::function<void(SessionCookieAuth&)> change,
                 std::string_view field, storage::Fields headers = {}) {
    return rule<SessionCookieAuth>("session " + name, std::move(change), field, std::move(headers));
}

INSTANTIATE_TEST_SUITE_P(
    Session, AuthRuleTest,
    testing::Values(
        session(
            "plain", [](auto&) {}, ""),
        session(
            "loopback", [](auto& a) { a.login_url = "http://127.0.0.1:8080/login"; }, ""),
        session(
            "no url", [](auto& a) { a.login_url = ""; }, "auth.login_url"),
        session(
            "no scheme", [](auto& a) { a.login_url = "a.example/login"; }, "auth.login_url"),
        session(
            "plain http", [](auto& a) { a.login_url = "http://a.example/"; }, "auth.login_url"),
        session(
            "other loopback", [](auto& a) { a.login_url = "http://127.0.0.2/"; }, "auth.login_url"),
        session(
            "private", [](auto& a) { a.login_url = "https://10.0.0.1/"; }, "auth.login_url"),
        session(
            "metadata", [](auto& a) { a.login_url = "https://169.254.169.254/"; },
            "auth.login_url"),
        session(
            "user in url", [](auto& a) { a.login_url = "https://u:s3cret@a.example/"; },
            "auth.login_url"),
        session(
            "long url",
            [](auto& a) { a.login_url = "https://a.example/" + std::string(9'000, 'a'); },
            "auth.login_url"),
        session(
            "0 s", [](auto& a) { a.session_timeout = seconds(0); }, "auth.session_timeout_s"),
        session(
            "1 s", [](auto& a) { a.session_timeout = seconds(1); }, ""),
        session(
            "24 h", [](auto& a) { a.session_timeout = seconds(86'400); }, ""),
        session(
            "over 24 h", [](auto& a) { a.session_timeout = seconds(86'401); },
            "auth.session_timeout_s"),
        session("cookie in the way", [](auto&) {}, "headers", {{"cookie", "a=b"}}),
        session("key header not in the callout", [](auto&) {}, "", {{"apiAccessKeyId", "x"}}),
        session(
            "accept", [](auto& a) { a.key.id_header = "accept"; }, "auth.id_header"),
        session("no id", [](auto& a) { a.key.id = core::Secret(""); }, "auth.key_id")));

RuleCase single(std::string name, std::function<void(SingleUseTokenAuth&)> change,
                std::string_view field, storage::Fields headers = {}) {
    return rule<SingleUseTokenAuth>("single " + name, std::move(change), field, std::move(headers));
}

INSTANTIATE_TEST_SUITE_P(
    SingleUse, AuthRuleTest,
    testing::Values(
        single(
            "plain", [](auto&) {}, ""),
        single(
            "body", [](auto& a) { a.body_template = R"({"a":{{ data.a }}})"; }, ""),
        single(
            "body no json", [](auto& a) { a.body_template = "{"; }, "auth.body_template"),
        single(
            "body bad field", [](auto& a) { a.body_template = R"({"a":{{ nope }}})"; },
            "auth.body_template"),
        single(
            "body size",
            [](auto& a) { a.body_template = '"' + std::string(256 * 1024, 'a') + '"'; },
            "auth.body_template"),
        single(
            "put", [](auto& a) { a.method = "PUT"; }, ""),
        single(
            "get", [](auto& a) { a.method = "GET"; }, ""),
        single(
            "get with body",
            [](auto& a) {
                a.method = "GET";
                a.body_template = "{}";
            },
            "auth.body_template"),
        single(
            "delete", [](auto& a) { a.method = "DELETE"; }, "auth.method"),
        single(
            "lower", [](auto& a) { a.method = "post"; }, "auth.method"),
        single(
            "no url", [](auto& a) { a.signature_url = ""; }, "auth.signature_url"),
        single(
            "plain http", [](auto& a) { a.signature_url = "http://a.example/"; },
            "auth.signature_url"),
        single(
            "private", [](auto& a) { a.signature_url = "https://192.168.0.1/"; },
            "auth.signature_url"),
        single(
            "pointer", [](auto& a) { a.token_pointer = "token"; }, "auth.token_pointer"),
        single(
            "no pointer", [](auto& a) { a.token_pointer = ""; }, "auth.token_pointer"),
        single(
            "bad escape", [](auto& a) { a.signature_pointer = "/a~2"; }, "auth.signature_pointer"),
        single(
            "header name", [](auto& a) { a.token_header = "a b"; }, "auth.token_header"),
        single(
            "header ours", [](auto& a) { a.signature_header = "webhook-signature"; },
            "auth.signature_header"),
        single(
            "same headers", [](auto& a) { a.signature_header = "Token"; }, "auth.signature_header"),
        single("header in the way", [](auto&) {}, "headers", {{"Signature", "x"}}),
        single(
            "same key headers", [](auto& a) { a.key.secret_header = "apiAccessKeyId"; },
            "auth.secret_header")));

RuleCase oauth(std::string name, std::optional<std::string> entity, std::string_view field) {
    return rule<OauthAuth>("oauth2 " + name, [=](OauthAuth& a) { a.entity = entity; }, field);
}

INSTANTIATE_TEST_SUITE_P(
    Oauth, AuthRuleTest,
    testing::Values(oauth("without entity", std::nullopt, ""), oauth("uuid", kUuid, ""),
                    oauth("bare", kBare, "auth.entity"), oauth("empty", "", "auth.entity"),
                    oauth("line", "11e643f4-a3ee-8bad-b061-0025904c756\n", "auth.entity")));

TEST(AuthRulesTest, TwoEntitiesAreRefusedWithTheRemedy) {
    auto record = test::sample_notification();
    auto auth = sample<KeyPairAuth>();
    auth.entity_id = kUuid;
    auth.entity_name = "Global";
    record.auth = std::move(auth);
    const auto refused = validate(record, {});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("--entity-id ''"), std::string::npos)
        << refused.error().message;
}

}  // namespace
}  // namespace herald::dispatcher
