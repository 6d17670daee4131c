// What a person sets up, secrets with overlap, discovery, proofs of possession
// (oauth.md 6.1, 6.2, 6.8, 6.11).
#include <fstream>

#include "tests/providers/token_manager_fixture.h"

namespace herald::providers::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TokenSetupTest : public TokenManagerFixture {
protected:
    core::ProviderId add_interactive(std::string_view grant = "authorization_code") {
        storage::ProviderRecord provider = sample_provider();
        provider.grant_type = grant;
        provider.settings["authorization_endpoint"] = "https://login.example/authorize";
        provider.settings["device_authorization_endpoint"] = "https://login.example/device";
        return add(std::move(provider));
    }
    auto begin(core::ProviderId id) {
        return by_hand<SetupStart>([&](auto done) {
            manager->begin_setup(id, "http://127.0.0.1:1234/callback", std::move(done));
        });
    }
    auto finish(core::ProviderId id, const std::string& state, const std::string& code = "c0de") {
        return by_hand<storage::TokenRecord>([&](auto done) {
            manager->finish_setup(id, {.code = core::Secret(code), .state = state, .issuer = {}},
                                  std::move(done));
        });
    }
    auto look(core::ProviderId id) {
        return by_hand<storage::TokenRecord>(
            [&](auto done) { manager->look_at_device(id, std::move(done)); });
    }
    core::Result<http::Response> answer(const http::Request& request) override {
        if (script) return script(request);
        return TokenManagerFixture::answer(request);
    }
    std::function<core::Result<http::Response>(const http::Request&)> script;
};

// O-111.
TEST_F(TokenSetupTest, ACodeIsExchangedWithItsVerifierAndTheRefreshTokenGoesOn) {
    const auto id = add_interactive();
    start();
    EXPECT_EQ(ask(id)->error_class(), "no_token") << "nobody has set it up";
    const auto begun = begin(id);
    ASSERT_TRUE(begun->value()) << begun->value().error().message;
    EXPECT_THAT((*begun)->value().authorization_url,
                HasSubstr("https://login.example/authorize?response_type=code&client_id=client-1"
                          "&redirect_uri=http%3A%2F%2F127.0.0.1%3A1234%2Fcallback&state="));
    EXPECT_THAT((*begun)->value().authorization_url, HasSubstr("&code_challenge_method=S256"));
    next_answer = respond(
        200, R"({"access_token":"t","token_type":"Bearer","expires_in":60,"refresh_token":"r1"})");
    const auto token = finish(id, (*begun)->value().state);
    ASSERT_TRUE(token->value());
    EXPECT_EQ((*token)->value().access_token->reveal(), "t");
    EXPECT_THAT(transport.requests.back().body,
                HasSubstr("grant_type=authorization_code&code=c0de&redirect_uri="));
    EXPECT_THAT(transport.requests.back().body, HasSubstr("&code_verifier="));
    obtain(id);
    EXPECT_THAT(transport.requests.back().body,
                HasSubstr("grant_type=refresh_token&refresh_token=r1"));
}

TEST_F(TokenSetupTest, AStateThatDoesNotMatchIsRefusedAndNothingIsSent) {
    const auto id = add_interactive();
    start();
    const auto begun = begin(id);
    const auto other = finish(id, "another state");
    EXPECT_EQ((*other)->error().code, "setup_failed");
    EXPECT_EQ(token_requests, 0);
    const auto late = finish(id, (*begun)->value().state);
    EXPECT_EQ((*late)->error().code, "setup_failed") << "good for one answer";
}

TEST_F(TokenSetupTest, FiveMinutesLaterItIsOver) {
    const auto id = add_interactive();
    start();
    const auto begun = begin(id);
    advance(5min);
    EXPECT_THAT((*finish(id, (*begun)->value().state))->error().message, HasSubstr("five minutes"));
}

TEST_F(TokenSetupTest, ACodeThatIsRefusedLeavesTheProviderAsItWas) {
    const auto id = add_interactive();
    start();
    next_answer = respond(
        200, R"({"access_token":"t","token_type":"Bearer","expires_in":60,"refresh_token":"r1"})");
    finish(id, (*begin(id))->value().state);
    next_answer = respond(400, R"({"error":"invalid_grant"})");
    const auto again = begin(id);
    EXPECT_EQ((*finish(id, (*again)->value().state))->error().code, "oauth_error");
    EXPECT_EQ(state(), "authorized");
    EXPECT_EQ(ask(id)->token(), "t");
}

// O-113: the interval, and five seconds more after slow_down.
TEST_F(TokenSetupTest, ADeviceIsLookedAtNoFasterThanItsServerWants) {
    const auto id = add_interactive("device_code");
    start();
    int polls = 0;
    const char* error = "authorization_pending";
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        if (request.url.target == "/device") {
            return respond(200,
                           R"({"device_code":"d","user_code":"WDJB","interval":5,)"
                           R"("verification_uri":"https://login.example/go","expires_in":600})");
        }
        ++polls;
        if (error != nullptr) return respond(400, std::string(R"({"error":")") + error + "\"}");
        return respond(200, R"({"access_token":"t","token_type":"Bearer","expires_in":60})");
    };
    const auto begun = begin(id);
    EXPECT_EQ((*begun)->value().user_code, "WDJB");
    EXPECT_EQ((*look(id))->error().code, "authorization_pending");
    EXPECT_EQ(polls, 0) << "too early to ask";
    advance(5s);
    error = "slow_down";
    EXPECT_EQ((*look(id))->error().retry_after, 10s);
    advance(5s);
    EXPECT_EQ((*look(id))->error().code, "authorization_pending");
    EXPECT_EQ(polls, 1);
    advance(5s);
    error = nullptr;
    EXPECT_EQ((*look(id))->value().access_token->reveal(), "t");
}

TEST_F(TokenSetupTest, ADeviceThatWasDeniedIsOver) {
    const auto id = add_interactive("device_code");
    start();
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        if (request.url.target == "/device") {
            return respond(200,
                           R"({"device_code":"d","user_code":"WDJB","interval":1,)"
                           R"("verification_uri":"https://login.example/go","expires_in":600})");
        }
        return respond(400, R"({"error":"access_denied"})");
    };
    begin(id);
    advance(2s);
    EXPECT_EQ(core::string_member((*look(id))->error().details, "error"), "access_denied");
    EXPECT_EQ((*look(id))->error().code, "setup_failed");
}

// O-37.
TEST_F(TokenSetupTest, ARefusedSecretGivesWayToTheNextAndThatIsRemembered) {
    storage::ProviderRecord provider = sample_provider();
    provider.further_secrets.push_back(
        {.value = core::Secret("not-yet"), .not_before = clock.system_now() + 1h});
    provider.further_secrets.push_back({.value = core::Secret("next")});
    const auto id = add(std::move(provider));
    start();
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        if (request.body.find("client_secret=next") == std::string::npos)
            return respond(401, R"({"error":"invalid_client"})");
        return respond(200, R"({"access_token":"t","token_type":"Bearer","expires_in":60})");
    };
    EXPECT_EQ(ask(id)->token(), "t");
    ASSERT_EQ(transport.requests.size(), 2U) << "the one that is not valid yet is passed over";
    EXPECT_EQ(store->provider("crm")->secret_in_use, 2);
    restart();
    obtain(id);
    EXPECT_THAT(transport.requests.back().body, HasSubstr("client_secret=next"));
    EXPECT_EQ(transport.requests.size(), 3U) << "the one that worked goes first";
}

TEST_F(TokenSetupTest, WhereEverySecretIsRefusedEachWasTriedOnce) {
    storage::ProviderRecord provider = sample_provider();
    provider.further_secrets.push_back({.value = core::Secret("next")});
    const auto id = add(std::move(provider));
    start();
    next_answer = respond(401, R"({"error":"invalid_client"})");
    EXPECT_EQ(ask(id)->error_class(), "oauth");
    EXPECT_EQ(token_requests, 2);
    EXPECT_EQ(state(), "rejected");
    advance(14min);
    EXPECT_EQ(token_requests, 2);
}

// O-18.
TEST_F(TokenSetupTest, AnIssuerIsAskedOnceAndItsNameHasToMatch) {
    storage::ProviderRecord provider = sample_provider();
    provider.token_endpoint.clear();
    provider.issuer = "https://id.example/tenant";
    const auto id = add(std::move(provider));
    start();
    std::string told = "https://other.example";
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        const std::string url = request.url.text();
        if (url == "https://id.example/.well-known/oauth-authorization-server/tenant")
            return respond(404);
        if (url == "https://id.example/tenant/.well-known/openid-configuration") {
            return respond(
                200, R"({"issuer":")" + told + R"(","token_endpoint":"https://id.example/token"})");
        }
        return TokenManagerFixture::answer(request);
    };
    EXPECT_EQ((*obtain(id))->error().code, "discovery_failed");
    EXPECT_EQ(token_requests, 0) << "nothing of the document was used";
    told = "https://id.example/tenant";
    EXPECT_TRUE(obtain(id)->value());
    EXPECT_EQ(transport.requests.back().url.text(), "https://id.example/token");
    restart();
    obtain(id);
    EXPECT_EQ(transport.requests.back().url.text(), "https://id.example/token");
    EXPECT_EQ(transport.requests.size(), 6U) << "the metadata was kept";
}

// O-139 to O-141.
TEST_F(TokenSetupTest, ADpopNonceIsUsedOnceItIsKnownAndCostsNoFailure) {
    storage::ProviderRecord provider = sample_provider();
    provider.settings["dpop"] = true;
    const auto id = add(std::move(provider));
    start();
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        EXPECT_TRUE(request.headers.get("DPoP"));
        http::Headers headers;
        headers.add("DPoP-Nonce", "n1");
        if (transport.requests.size() == 1)
            return respond(400, R"({"error":"use_dpop_nonce"})", headers);
        return respond(200, R"({"access_token":"t","token_type":"DPoP","expires_in":60})", headers);
    };
    const auto token = obtain(id);
    ASSERT_TRUE(token->value());
    EXPECT_EQ((*token)->value().token_type, "DPoP");
    EXPECT_TRUE((*token)->value().dpop_key);
    EXPECT_EQ(transport.requests.size(), 2U);
    EXPECT_NE(transport.requests[0].headers.get("DPoP"), transport.requests[1].headers.get("DPoP"));
    EXPECT_FALSE(store->provider("crm")->last_error);
    restart();
    EXPECT_EQ(ask(id)->token(), "t") << "the key is kept with its token";
    EXPECT_EQ(transport.requests.size(), 2U);
}

TEST_F(TokenSetupTest, AServerThatNeverTakesANonceIsAskedTwice) {
    storage::ProviderRecord provider = sample_provider();
    provider.settings["dpop"] = true;
    const auto id = add(std::move(provider));
    start();
    script = [&](const http::Request&) -> core::Result<http::Response> {
        http::Headers headers;
        headers.add("DPoP-Nonce", "n" + std::to_string(transport.requests.size()));
        return respond(400, R"({"error":"use_dpop_nonce"})", headers);
    };
    EXPECT_FALSE(obtain(id)->value());
    EXPECT_EQ(transport.requests.size(), 2U);
}

// O-56.
TEST_F(TokenSetupTest, IntrospectionTellsTheLifetimeThatTheAnswerDoesNot) {
    storage::ProviderRecord provider = sample_provider();
    provider.settings["introspect_expiry"] = true;
    provider.settings["introspection_endpoint"] = "https://login.example/introspect";
    const auto id = add(std::move(provider));
    start();
    const auto exp = std::chrono::duration_cast<std::chrono::seconds>(
        (clock.system_now() + 2h).time_since_epoch());
    bool active = true;
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        if (request.url.target == "/introspect") {
            return respond(200, std::string(R"({"active":)") + (active ? "true" : "false") +
                                    R"(,"exp":)" + std::to_string(exp.count()) + "}");
        }
        return respond(200, R"({"access_token":"t","token_type":"Bearer"})");
    };
    EXPECT_NEAR(
        static_cast<double>(((*obtain(id))->value().expires_at - clock.system_now()).count()),
        7'200'000.0, 1000.0);
    active = false;  // may only mean that this client may not ask
    EXPECT_EQ((*obtain(id))->value().expires_at, clock.system_now() + 300s);
}

// O-38.
TEST_F(TokenSetupTest, ASecretInAFileIsReadAtEachRequest) {
    const auto path = directory.file("secret");
    storage::ProviderRecord provider = sample_provider();
    provider.client_secret.reset();
    provider.settings["client_secret_path"] = path.string();
    const auto id = add(std::move(provider));
    start();
    EXPECT_EQ((*obtain(id))->error().code, "credential_unreadable");
    EXPECT_THAT((*obtain(id))->error().message, HasSubstr(path.string()));
    std::ofstream(path) << "first\n";
    obtain(id);
    EXPECT_THAT(transport.requests.back().body, HasSubstr("client_secret=first"));
    std::ofstream(path) << "second";
    obtain(id);
    EXPECT_THAT(transport.requests.back().body, HasSubstr("client_secret=second"));
    EXPECT_THAT(transport.requests.back().body, Not(HasSubstr("first")));
}

// O-149: what one host lets this machine ask is shared by its providers.
TEST_F(TokenSetupTest, AThrottledHostIsLeftAloneByAllItsProviders) {
    const auto one = add(sample_provider());
    storage::ProviderRecord second = sample_provider();
    second.name = "other";
    const auto other = add(std::move(second));
    start();
    http::Headers headers;
    headers.add("ratelimit-reset", "60");
    next_answer = respond(429, "{}", headers);
    ask(one);
    next_answer.reset();
    const auto waiting = ask(other, 2min);
    EXPECT_EQ(token_requests, 1);
    advance(61s);
    EXPECT_THAT(waiting->token(), ::testing::StartsWith("token-"));
}

}  // namespace
}  // namespace herald::providers::test
