#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

class TokenHandlersTest : public ApiFixture {
protected:
    void SetUp() override {
        provider_ = [](const http::Request&) { return token_response(); };
        given_provider();
    }
};

TEST_F(TokenHandlersTest, ObtainShowsTheTokenObjectWithProviderAndState) {
    const Answer obtained = must("POST", "/v1/providers/crm/token/obtain");
    EXPECT_EQ(obtained.text_at("provider"), "crm");
    EXPECT_EQ(obtained.text_at("state"), "authorized");
    EXPECT_EQ(obtained.at("generation"), 1);
    EXPECT_EQ(obtained.text_at("obtained_at"), "2026-11-21T08:00:00.000Z");
    EXPECT_EQ(obtained.text_at("expires_at"), "2026-11-21T09:00:00.000Z");
    EXPECT_EQ(obtained.text_at("scopes"), R"(["read"])");
    EXPECT_EQ(obtained.text_at("fingerprint").size(), 8U);
    EXPECT_EQ(must("GET", "/v1/providers/crm/token").text, obtained.text);
    EXPECT_EQ(must("GET", "/v1/providers/crm").at("token.generation"), 1);
}

TEST_F(TokenHandlersTest, ARefreshReplacesTheTokenWithOneRequest) {
    must("POST", "/v1/providers/crm/token/obtain");
    provider_ = [](const http::Request&) { return token_response("another"); };
    EXPECT_EQ(must("POST", "/v1/providers/crm/token/refresh").at("generation"), 2);
    EXPECT_EQ(asked_.size(), 2U);
}

TEST_F(TokenHandlersTest, AnExpiredTokenShowsAsNone) {
    must("POST", "/v1/providers/crm/token/obtain");
    clock_.advance(std::chrono::hours(2));
    const Answer shown = must("GET", "/v1/providers/crm/token");
    EXPECT_EQ(shown.text_at("state"), "no_token");
    EXPECT_TRUE(shown.at("generation").is_null());
    EXPECT_TRUE(must("GET", "/v1/providers/crm").at("token").is_null());
}

TEST_F(TokenHandlersTest, ARefusalIsAnOauthErrorAndIsRemembered) {
    provider_ = [](const http::Request&) {
        return respond_json(401,
                            R"({"error":"invalid_client","error_description":"no such client"})");
    };
    const Answer refused = call("POST", "/v1/providers/crm/token/obtain");
    EXPECT_EQ(refused.status, 502);
    EXPECT_EQ(refused.text_at("code"), "oauth_error");
    EXPECT_EQ(refused.text_at("details.error"), "invalid_client");
    const Answer shown = must("GET", "/v1/providers/crm");
    EXPECT_EQ(shown.text_at("state"), "rejected");
    EXPECT_EQ(shown.text_at("last_error.class"), "oauth");
    EXPECT_EQ(shown.text_at("last_error.code"), "invalid_client");
    EXPECT_EQ(shown.at("last_error.status"), 401);
}

TEST_F(TokenHandlersTest, TestTellsTheVerdictAndChangesNothing) {
    must("POST", "/v1/providers/crm/token/obtain");
    const std::map<int, std::pair<std::string, std::string>> verdicts = {
        {200, {"accepted", "true"}}, {401, {"rejected", "false"}}, {500, {"inconclusive", "null"}}};
    for (const auto& [status, expected] : verdicts) {
        provider_ = [code = status](const http::Request&) { return respond(code); };
        const Answer tested = must("POST", "/v1/providers/crm/token/test");
        EXPECT_EQ(tested.text_at("provider"), "crm");
        EXPECT_EQ(tested.text_at("verdict"), expected.first);
        EXPECT_EQ(tested.text_at("ok"), expected.second);
        EXPECT_EQ(tested.at("status"), status);
        EXPECT_TRUE(tested.at("latency_ms").is_int64());
    }
    EXPECT_EQ(must("GET", "/v1/providers/crm").text_at("state"), "authorized");
}

TEST_F(TokenHandlersTest, TestWithoutTokenOrEndpointSaysSo) {
    const Answer without_token = call("POST", "/v1/providers/crm/token/test");
    EXPECT_EQ(without_token.status, 409);
    EXPECT_EQ(without_token.text_at("code"), "no_token");
    must("PATCH", "/v1/providers/crm", R"({"test_endpoint":null,"revocation_endpoint":null})");
    must("POST", "/v1/providers/crm/token/obtain");
    const std::size_t requests = asked_.size();
    for (const char* operation : {"test", "revoke"}) {
        const Answer answer = call("POST", std::string("/v1/providers/crm/token/") + operation);
        EXPECT_EQ(answer.status, 422) << operation;
        EXPECT_EQ(answer.text_at("code"), "endpoint_missing") << operation;
    }
    EXPECT_EQ(asked_.size(), requests);
}

TEST_F(TokenHandlersTest, RevokeTellsWhatTheServerDid) {
    must("POST", "/v1/providers/crm/token/obtain");
    provider_ = [](const http::Request&) { return respond(200); };
    EXPECT_EQ(must("POST", "/v1/providers/crm/token/revoke").text,
              R"({"provider":"crm","revoked":true,"remote":"done"})");
    EXPECT_EQ(must("GET", "/v1/providers/crm").text_at("state"), "revoked");
}

TEST_F(TokenHandlersTest, ARevocationThatMustWaitIsQueued) {
    must("POST", "/v1/providers/crm/token/obtain");
    provider_ = [](const http::Request&) { return respond(503); };
    EXPECT_EQ(must("POST", "/v1/providers/crm/token/revoke").text_at("remote"), "queued");
    EXPECT_NE(must("GET", "/metrics").text.find("herald_revocations_pending 1\n"),
              std::string::npos);
}

TEST_F(TokenHandlersTest, TokenOperationsOnAnUnknownProviderAreNotFound) {
    for (const char* operation : {"obtain", "refresh", "test", "revoke"}) {
        EXPECT_EQ(call("POST", std::string("/v1/providers/nobody/token/") + operation).status, 404)
            << operation;
    }
    EXPECT_EQ(call("GET", "/v1/providers/nobody/token").status, 404);
    EXPECT_EQ(call("POST", "/v1/providers/crm/token/obtain", R"({"x":1})").status, 422);
}

}  // namespace
}  // namespace herald::test
