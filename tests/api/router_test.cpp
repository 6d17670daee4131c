#include "api/router.h"

#include "core/encoding.h"
#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

using RouterTest = ApiFixture;

TEST_F(RouterTest, AnUnknownPathIsNotFound) {
    for (const char* path : {"/", "/v1", "/v1/nothing", "/v1/providers/",
                             "/v1/providers/crm/token/steal", "/livez/", ""}) {
        const Answer answer = call("GET", path);
        EXPECT_EQ(answer.status, 404) << path;
        EXPECT_EQ(answer.text_at("code"), "not_found") << path;
    }
}

TEST_F(RouterTest, AWrongMethodNamesTheRightOnes) {
    const Answer answer = call("PUT", "/v1/providers");
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.text_at("code"), "malformed_request");
    EXPECT_EQ(answer.headers.at("Allow"), "GET, POST");
}

TEST_F(RouterTest, EveryRouteHasAHandlerThatAnswersItsMethodOnly) {
    const auto routes = router_->routes();
    EXPECT_GE(routes.size(), 35U);
    for (const std::string& route : routes) {
        const std::string method = route.substr(0, route.find(' '));
        std::string path = route.substr(route.find(' ') + 1);
        const std::size_t parameter = path.find('{');
        if (parameter != std::string::npos)
            path.replace(parameter, path.find('}') - parameter + 1, "missing");
        const Answer answer = call(method, path);
        EXPECT_NE(answer.status, 405) << route;
        EXPECT_NE(answer.status, 500) << route;
        EXPECT_EQ(answer.text.find("no such path"), std::string::npos) << route;
        EXPECT_NE(call("TRACE", path).status / 100, 2) << route;
    }
}

TEST_F(RouterTest, SegmentsAreDecodedAfterThePathIsSplit) {
    given_provider("a.b");
    EXPECT_EQ(call("GET", "/v1/providers/a%2Eb").status, 200);
    EXPECT_EQ(call("GET", "/v1/providers/a%2Fb").text_at("detail"), "no provider named 'a/b'");
    EXPECT_EQ(call("GET", "/v1/providers/a%2").status, 404);
    EXPECT_EQ(call("GET", "/v1/providers/a+b").text_at("detail"), "no provider named 'a+b'");
}

TEST_F(RouterTest, AProblemIsValidUtf8WhateverWasAsked) {
    const Answer answer = call("GET", "/v1/providers/%FF%00%0A");
    EXPECT_EQ(answer.status, 404);
    EXPECT_FALSE(answer.json.is_null()) << answer.text;
}

TEST_F(RouterTest, AProblemHasTheMembersOfRfc9457AndOurs) {
    const Answer answer = call("GET", "/v1/providers/nobody");
    EXPECT_EQ(answer.at("status"), 404);
    EXPECT_EQ(answer.text_at("title"), "Not Found");
    EXPECT_EQ(answer.text_at("type"), "about:blank");
    EXPECT_TRUE(answer.at("details").is_object());
    EXPECT_EQ(api::problem(core::not_found("a", "b")).content_type, "application/problem+json");
}

TEST_F(RouterTest, InjectedSqlStaysText) {
    given_provider();
    given_notification("posted", "invoice.*");
    given_callout();
    for (const char* text : {"' OR 1=1 --", "\"; DROP TABLE provider; --", "%", "_", "\\",
                             "crm' UNION SELECT 1 --", "posted%"}) {
        const std::string encoded = core::percent_encode(text);
        EXPECT_EQ(call("GET", "/v1/providers/" + encoded).status, 404) << text;
        EXPECT_EQ(call("DELETE", "/v1/notifications/" + encoded).status, 404) << text;
        const Answer found = call("GET", "/v1/callouts?notification=" + encoded);
        EXPECT_EQ(found.status, 200) << text;
        EXPECT_TRUE(found.array_at("items").empty()) << text;
    }
    EXPECT_EQ(must("GET", "/v1/providers").json.as_array().size(), 1U);
    EXPECT_EQ(must("GET", "/v1/callouts").array_at("items").size(), 1U);
}

TEST(HttpStatusTest, FollowsTheTableOfTheContract) {
    const std::map<std::string, int> table = {
        {"invalid_argument", 422},
        {"endpoint_missing", 422},
        {"malformed_request", 400},
        {"not_found", 404},
        {"provider_exists", 409},
        {"notification_exists", 409},
        {"provider_in_use", 409},
        {"notification_in_use", 409},
        {"idempotency_conflict", 409},
        {"already_running", 409},
        {"no_token", 409},
        {"oauth_error", 502},
        {"token_endpoint_unreachable", 502},
        {"malformed_token_response", 502},
        {"blocked_address", 502},
        {"token_rejected", 502},
        {"revocation_failed", 502},
        {"database_locked", 503},
        {"storage_error", 503},
        {"storage_full", 507},
        {"daemon_not_running", 503},
        {"key_mismatch", 503},
    };
    for (const auto& [code, status] : table) {
        EXPECT_EQ(
            api::http_status({.kind = core::ErrorKind::kPermanent, .code = code, .message = ""}),
            status)
            << code;
    }
    EXPECT_EQ(
        api::http_status({.kind = core::ErrorKind::kConflict, .code = "new_one", .message = ""}),
        409);
}

TEST(ProblemTest, TellsWhenToTryAgain) {
    const core::Error error{.kind = core::ErrorKind::kThrottled,
                            .code = "oauth_error",
                            .message = "m",
                            .details = {},
                            .retry_after = std::chrono::milliseconds(1500)};
    EXPECT_EQ(api::problem(error).headers.at("Retry-After"), "2");
}

}  // namespace
}  // namespace herald::test
