#include "dispatcher/notification_rules.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/text_rules.h"
#include "tests/dispatcher/samples.h"

namespace herald::dispatcher {
namespace {

using storage::NotificationRecord;
using test::sample_notification;

// E-11
TEST(NotificationRulesTest, NamesAre1To64PlainCharacters) {
    const std::string longest(64, 'n');
    for (const std::string_view name : {"a", "A-z_0.9", longest.c_str()})
        EXPECT_TRUE(core::validate_name(name)) << name;
    for (const std::string& name :
         {std::string(), std::string(65, 'n'), std::string("a b"), std::string("a/b"),
          std::string("a\0b", 3), std::string("\xF0\x9F\x98\x80"), std::string(300, 'x')}) {
        EXPECT_FALSE(core::validate_name(name)) << name;
    }
}

struct RuleCase {
    std::string name;
    std::function<void(NotificationRecord&)> change;
    std::string_view field;  ///< of the error; empty: accepted
};

void PrintTo(const RuleCase& rule, std::ostream* out) {
    *out << rule.name;
}

class NotificationRuleTest : public testing::TestWithParam<RuleCase> {};

TEST_P(NotificationRuleTest, HoldsAsTheTableSays) {
    NotificationRecord record = sample_notification();
    GetParam().change(record);
    const auto policy = http::EgressPolicy::parse("127.0.0.1").value();
    const auto result = validate(record, policy);
    if (GetParam().field.empty()) {
        EXPECT_TRUE(result) << result.error().message;
        return;
    }
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().details.at("field").as_string(), GetParam().field)
        << result.error().message;
    EXPECT_EQ(result.error().message.find("s3cret"), std::string::npos) << result.error().message;
}

void basic(NotificationRecord& record) {
    record.auth = storage::BasicAuth{.username = "u", .password = core::Secret("s3cret")};
}

void header_auth(NotificationRecord& record, std::string name, std::string_view value) {
    record.auth = storage::HeaderAuth{.name = std::move(name), .value = core::Secret(value)};
}

RuleCase with_header(std::string name, std::string value, std::string_view field) {
    return {"header " + name + ": " + value,
            [=](NotificationRecord& record) { record.headers = {{name, value}}; }, field};
}

RuleCase with_url(std::string url, std::string_view field) {
    return {"url " + url, [=](NotificationRecord& record) { record.url = url; }, field};
}

INSTANTIATE_TEST_SUITE_P(
    Basics, NotificationRuleTest,
    testing::Values(
        RuleCase{"sample", [](auto&) {}, ""},
        RuleCase{"name", [](auto& r) { r.name = "a b"; }, "name"},
        RuleCase{"no events", [](auto& r) { r.events.clear(); }, "events"},
        RuleCase{"bad pattern", [](auto& r) { r.events = {"a.*", "a.*.b"}; }, "events"},
        RuleCase{"method get", [](auto& r) { r.method = "GET"; }, ""},
        RuleCase{"method lower", [](auto& r) { r.method = "post"; }, "method"},
        RuleCase{"method trace", [](auto& r) { r.method = "TRACE"; }, "method"},
        RuleCase{"timeout low", [](auto& r) { r.timeout = std::chrono::milliseconds(99); },
                 "timeout_ms"},
        RuleCase{"timeout lowest", [](auto& r) { r.timeout = std::chrono::milliseconds(100); }, ""},
        RuleCase{"timeout highest", [](auto& r) { r.timeout = std::chrono::minutes(10); }, ""},
        RuleCase{"timeout high", [](auto& r) { r.timeout = std::chrono::milliseconds(600'001); },
                 "timeout_ms"},
        RuleCase{"window 0", [](auto& r) { r.max_in_flight = 0; }, "max_in_flight"},
        RuleCase{"window 20000", [](auto& r) { r.max_in_flight = 20'000; }, ""},
        RuleCase{"window 20001", [](auto& r) { r.max_in_flight = 20'001; }, "max_in_flight"},
        RuleCase{"rate", [](auto& r) { r.rate_per_s = 0.001; }, ""},
        RuleCase{"rate 0", [](auto& r) { r.rate_per_s = 0.0; }, "rate_per_s"},
        RuleCase{"rate high", [](auto& r) { r.rate_per_s = 100'001.0; }, "rate_per_s"},
        RuleCase{"rate nan", [](auto& r) { r.rate_per_s = std::nan(""); }, "rate_per_s"},
        RuleCase{"retry", [](auto& r) { r.retry.reject = {"5xx"}; }, "retry"},
        RuleCase{"jitter", [](auto& r) { r.retry.jitter_percent = 51; }, "retry"},
        RuleCase{"breaker off", [](auto& r) { r.breaker.enabled = false; }, ""},
        RuleCase{"breaker", [](auto& r) { r.breaker.failure_percent = 0; }, "breaker"},
        RuleCase{"order", [](auto& r) { r.order_by = "data.account.id"; }, ""},
        RuleCase{"order by the type", [](auto& r) { r.order_by = "type"; }, "order_by"},
        RuleCase{"order 256", [](auto& r) { r.order_by = "data." + std::string(251, 'a'); }, ""},
        RuleCase{"order 257", [](auto& r) { r.order_by = "data." + std::string(252, 'a'); },
                 "order_by"},
        RuleCase{"success", [](auto& r) { r.success = storage::SuccessField{"/ok", "true"}; }, ""},
        RuleCase{"success pointer",
                 [](auto& r) { r.success = storage::SuccessField{"ok", "true"}; }, "success"},
        RuleCase{"signing", [](auto& r) { r.signing_secret = core::Secret("whsec_s3cret"); },
                 "signing_secret"},
        RuleCase{"content type", [](auto& r) { r.content_type = "json"; }, "content_type"},
        RuleCase{"content type line", [](auto& r) { r.content_type = "text/plain\r\nX: y"; },
                 "content_type"},
        RuleCase{"body", [](auto& r) { r.body_template = R"({"a":{{ data.a }}})"; }, ""},
        RuleCase{"body no json", [](auto& r) { r.body_template = "{"; }, "body_template"},
        RuleCase{"body size",
                 [](auto& r) { r.body_template = '"' + std::string(256 * 1024, 'a') + '"'; },
                 "body_template"},
        RuleCase{"64 headers", [](auto& r) { r.headers.assign(64, {"X-A", "b"}); }, ""},
        RuleCase{"65 headers", [](auto& r) { r.headers.assign(65, {"X-A", "b"}); }, "headers"},
        RuleCase{"65 parameters", [](auto& r) { r.parameters.assign(65, {"a", "b"}); },
                 "parameters"},
        RuleCase{"parameter name", [](auto& r) { r.parameters = {{"", "b"}}; }, "parameters"},
        RuleCase{"parameter line", [](auto& r) { r.parameters = {{"a", "b\n"}}; }, "parameters"}));

RuleCase with_secret_header(std::string name, std::string value, std::string_view field) {
    return {"sealed header " + name,
            [=](NotificationRecord& record) {
                record.secret_headers.emplace_back(name, core::Secret(value));
            },
            field};
}

INSTANTIATE_TEST_SUITE_P(
    SecretFields, NotificationRuleTest,
    testing::Values(with_secret_header("X-Api-Key", "s3cret", ""),
                    with_secret_header("Authorization", "Bearer s3cret", ""),
                    with_secret_header("webhook-id", "s3cret", "secret_headers"),
                    with_secret_header("Content-Type", "s3cret", "secret_headers"),
                    with_secret_header("X-A", "s3cret\r\nX: y", "secret_headers"),
                    RuleCase{"sealed Authorization beside Basic",
                             [](auto& r) {
                                 basic(r);
                                 r.secret_headers.emplace_back("Authorization",
                                                               core::Secret("s3cret"));
                             },
                             "secret_headers"},
                    RuleCase{"sealed and in the clear",
                             [](auto& r) {
                                 r.headers = {{"x-a", "b"}};
                                 r.secret_headers.emplace_back("X-A", core::Secret("s3cret"));
                             },
                             "secret_headers"},
                    RuleCase{"the header of the authentication",
                             [](auto& r) {
                                 header_auth(r, "X-A", "s3cret");
                                 r.secret_headers.emplace_back("x-a", core::Secret("s3cret"));
                             },
                             "secret_headers"},
                    RuleCase{"sealed parameter line",
                             [](auto& r) {
                                 r.secret_parameters.emplace_back("k", core::Secret("s3cret\n"));
                             },
                             "secret_parameters"},
                    RuleCase{"plain http with a sealed header",
                             [](auto& r) {
                                 r.url = "http://a.example/";
                                 r.secret_headers.emplace_back("X-A", core::Secret("s3cret"));
                             },
                             "url"}));

// E-33 to E-45 at configuration; the policy lists 127.0.0.1 alone.
INSTANTIATE_TEST_SUITE_P(Destinations, NotificationRuleTest,
                         testing::Values(with_url("https://receiver.example/a?b", ""),
                                         with_url("http://receiver.example/", ""),
                                         with_url("https://receiver.example/{{ data.id }}", ""),
                                         with_url("http://127.0.0.1:8080/", ""),
                                         with_url("ftp://receiver.example/", "url"),
                                         with_url("receiver.example/", "url"),
                                         with_url("https://u:p@receiver.example/", "url"),
                                         with_url("https://receiver.example:0/", "url"),
                                         with_url("https://receiver.example:65536/", "url"),
                                         with_url("https://receiver.example/a b", "url"),
                                         with_url("https://{{ data.h }}/", "url"),
                                         with_url("https://h/" + std::string(9'000, 'a'), "url")));

TEST(NotificationRulesTest, BlockedLiteralsAreRefusedInEverySpelling) {
    const auto policy = http::EgressPolicy::parse("127.0.0.1").value();
    for (const std::string host :
         {"127.0.0.2", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "0x0a000001", "167772161",
          "012.0.0.1", "169.254.169.254", "[64:ff9b::a00:1]"}) {
        auto record = sample_notification();
        record.url = "https://" + host + "/{{ data.id }}";
        EXPECT_FALSE(validate(record, policy)) << host;
    }
}

TEST(NotificationRulesTest, PlainHttpWithCredentialsIsForListedLoopbackOnly) {
    const auto listed = http::EgressPolicy::parse("127.0.0.1,10.0.0.0/8").value();
    const struct {
        std::string_view url;
        const http::EgressPolicy policy;
        bool accepted;
    } cases[] = {
        {"https://receiver.example/", {}, true},
        {"http://receiver.example/", {}, false},
        {"http://127.0.0.1:9/", listed, true},
        {"http://localhost:9/", listed, true},
        {"http://localhost:9/", {}, false},
        {"http://127.0.0.1:9/", {}, false},
        {"http://10.1.1.1/", listed, false},
        {"https://10.1.1.1/", listed, true},
        {"http://localhost.evil.example/", listed, false},
    };
    for (const auto& [url, policy, accepted] : cases) {
        auto record = sample_notification();
        record.url = url;
        basic(record);
        EXPECT_EQ(validate(record, policy).has_value(), accepted) << url;
        record.auth = storage::NoAuth{};
        record.headers = {{"Authorization", "Token abc"}};
        EXPECT_EQ(validate(record, policy).has_value(), accepted) << url << " with its own header";
    }
}

// S-06, O-96
INSTANTIATE_TEST_SUITE_P(
    Headers, NotificationRuleTest,
    testing::Values(
        with_header("X-A", "b {{ data.x }}", ""), with_header("User-Agent", "acme", ""),
        with_header("Authorization", "Token abc", ""), with_header("Host", "h", "headers"),
        with_header("content-length", "1", "headers"),
        with_header("Transfer-Encoding", "x", "headers"), with_header("Connection", "x", "headers"),
        with_header("TE", "x", "headers"), with_header("Trailer", "x", "headers"),
        with_header("Upgrade", "x", "headers"), with_header("Proxy-Authorization", "x", "headers"),
        with_header("Expect", "x", "headers"), with_header("Webhook-Id", "x", "headers"),
        with_header("webhook-anything", "x", "headers"),
        with_header("herald-attempt", "1", "headers"),
        with_header("Accept-Encoding", "gzip", "headers"),
        with_header("Content-Type", "text/plain", "headers"), with_header("X A", "b", "headers"),
        with_header("", "b", "headers"), with_header("X-A\r\nX-B", "b", "headers"),
        with_header("X-A", "b\r\nX: y", "headers.X-A"), with_header("X-A", " b", "headers.X-A"),
        with_header("X-A", std::string("b\0", 2), "headers.X-A"),
        with_header("X-A", "{{ nope }}", "headers.X-A"),
        with_header("X-A", std::string(9'000, 'a'), "headers")));

INSTANTIATE_TEST_SUITE_P(
    Authentication, NotificationRuleTest,
    testing::Values(
        RuleCase{"basic", basic, ""},
        RuleCase{"basic beside Authorization",
                 [](auto& r) {
                     basic(r);
                     r.headers = {{"AUTHORIZATION", "x"}};
                 },
                 "headers"},
        RuleCase{"oauth2 beside Authorization",
                 [](auto& r) {
                     r.auth = storage::OauthAuth{};
                     r.headers = {{"Authorization", "x"}};
                 },
                 "headers"},
        RuleCase{"user name with colon",
                 [](auto& r) {
                     r.auth =
                         storage::BasicAuth{.username = "a:b", .password = core::Secret("s3cret")};
                 },
                 "auth.username"},
        RuleCase{"user name with line",
                 [](auto& r) {
                     r.auth =
                         storage::BasicAuth{.username = "a\n", .password = core::Secret("s3cret")};
                 },
                 "auth.username"},
        RuleCase{"no user name",
                 [](auto& r) {
                     r.auth =
                         storage::BasicAuth{.username = "", .password = core::Secret("s3cret")};
                 },
                 "auth.username"},
        RuleCase{"password with line",
                 [](auto& r) {
                     r.auth =
                         storage::BasicAuth{.username = "a", .password = core::Secret("s3cret\n")};
                 },
                 "auth.password"},
        RuleCase{"header", [](auto& r) { header_auth(r, "X-Api-Key", "s3cret"); }, ""},
        RuleCase{"header Authorization",
                 [](auto& r) { header_auth(r, "Authorization", "Token s3cret"); }, ""},
        RuleCase{"header name", [](auto& r) { header_auth(r, "X Key", "s3cret"); }, "auth.name"},
        RuleCase{"header host", [](auto& r) { header_auth(r, "Host", "s3cret"); }, "auth.name"},
        RuleCase{"header webhook", [](auto& r) { header_auth(r, "webhook-id", "s3cret"); },
                 "auth.name"},
        RuleCase{"header value", [](auto& r) { header_auth(r, "X-Api-Key", "s3cret\r\nX: y"); },
                 "auth.value"},
        RuleCase{"header empty", [](auto& r) { header_auth(r, "X-Api-Key", ""); }, "auth.value"},
        RuleCase{"header twice",
                 [](auto& r) {
                     header_auth(r, "X-Api-Key", "s3cret");
                     r.headers = {{"x-api-key", "b"}};
                 },
                 "headers"}));

}  // namespace
}  // namespace herald::dispatcher
