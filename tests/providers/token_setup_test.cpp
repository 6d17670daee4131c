// What a person sets up, secrets with overlap, discovery, proofs of possession
// (oauth.md 6.1, 6.2, 6.8, 6.11).
#include <fstream>

#include "providers/jwt.h"
#include "tests/providers/jws_reading.h"
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
            return respond(401, R"({"error":"unauthorized_client"})");
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

TEST_F(TokenSetupTest, ADocumentOfAnotherIssuerAtTheFirstPlaceDoesNotHideTheSecond) {
    storage::ProviderRecord provider = sample_provider();
    provider.token_endpoint.clear();
    provider.issuer = "https://id.example/tenant";
    const auto id = add(std::move(provider));
    start();
    std::string second = "https://second.example";
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        const std::string url = request.url.text();
        const bool is_first = url.find("oauth-authorization-server") != std::string::npos;
        if (url.find(".well-known") == std::string::npos)
            return TokenManagerFixture::answer(request);
        return respond(200, R"({"issuer":")" + (is_first ? "https://first.example" : second) +
                                R"(","token_endpoint":"https://id.example/token"})");
    };
    const core::Error error = (*obtain(id))->error();
    EXPECT_EQ(error.code, "discovery_failed");
    EXPECT_EQ(error.kind, core::ErrorKind::kPermanent);
    for (const char* part : {"oauth-authorization-server/tenant: ", "'https://first.example'",
                             "openid-configuration: ", "'https://second.example'"})
        EXPECT_THAT(error.message, HasSubstr(part));
    second = "https://id.example/tenant";
    EXPECT_TRUE(obtain(id)->value());
}

// The end of the program takes the transport away.
TEST_F(TokenSetupTest, DiscoveryThatIsCutOffAsksNoSecondPlace) {
    storage::ProviderRecord provider = sample_provider();
    provider.token_endpoint.clear();
    provider.issuer = "https://id.example/tenant";
    const auto id = add(std::move(provider));
    start();
    transport.hold();
    ask(id);
    ASSERT_EQ(transport.requests.size(), 1U);
    transport.shut_down();
    settle();
    EXPECT_EQ(transport.requests.size(), 1U);
}

// RFC 9207 section 2.4.
TEST_F(TokenSetupTest, AnAnswerWithoutIssuerIsRefusedWhereTheServerAlwaysNamesIt) {
    for (const bool promises : {true, false}) {
        storage::ProviderRecord provider = sample_provider();
        provider.name = promises ? "strict" : "crm";
        provider.grant_type = "authorization_code";
        provider.issuer = "https://login.example";
        provider.metadata = {{"issuer", "https://login.example"},
                             {"authorization_endpoint", "https://login.example/authorize"},
                             {"authorization_response_iss_parameter_supported", promises}};
        const auto id = add(std::move(provider));
        start();
        const auto answer = finish(id, (*begin(id))->value().state);
        EXPECT_EQ((*answer)->has_value(), !promises);
        if (promises) {
            EXPECT_EQ((*answer)->error().code, "setup_failed");
            EXPECT_THAT((*answer)->error().message, HasSubstr("RFC 9207"));
        }
    }
}

TEST_F(TokenSetupTest, ADeviceAuthorizationIsProtectedWhereTheServerKnowsS256) {
    storage::ProviderRecord provider = sample_provider();
    provider.grant_type = "device_code";
    provider.issuer = "https://login.example";
    provider.metadata = {{"issuer", "https://login.example"},
                         {"device_authorization_endpoint", "https://login.example/device"},
                         {"code_challenge_methods_supported", {"plain", "S256"}}};
    const auto id = add(std::move(provider));
    start();
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        if (request.url.target != "/device") return TokenManagerFixture::answer(request);
        return respond(200, R"({"device_code":"d","user_code":"WDJB","interval":1,)"
                            R"("verification_uri":"https://login.example/go","expires_in":600})");
    };
    begin(id);
    const std::string asked = transport.requests.back().body;
    EXPECT_THAT(asked, HasSubstr("code_challenge_method=S256"));
    advance(2s);
    ASSERT_TRUE((*look(id))->has_value());
    const std::string& body = transport.requests.back().body;
    const auto at = body.find("&code_verifier=") + std::string_view("&code_verifier=").size();
    const std::string verifier = body.substr(at, body.find('&', at) - at);
    EXPECT_THAT(asked, HasSubstr("code_challenge=" + pkce_challenge(verifier) + "&"));
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

// O-141: twice each time, and no refusal of the configuration.
TEST_F(TokenSetupTest, AServerThatNeverTakesANonceIsAskedTwiceAndFails) {
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
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(obtain(id)->value());
    EXPECT_EQ(state(), "failing");
}

std::string nonce_of(const http::Request& request) {
    const auto proof = request.headers.get("DPoP");
    const auto jws = herald::test::read_jws(proof.value_or(".."));
    return core::string_member(jws.claims, "nonce").value_or("");
}

// O-140: what counts is the nonce that was sent, not what another provider learned meanwhile.
TEST_F(TokenSetupTest, ProvidersOfOneServerEachMeetItsNonceAndNoneFails) {
    std::vector<core::ProviderId> ids;
    for (int i = 0; i < 5; ++i) {
        storage::ProviderRecord provider = sample_provider();
        provider.name = "crm" + std::to_string(i);
        provider.settings["dpop"] = true;
        ids.push_back(add(std::move(provider)));
    }
    start();
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        http::Headers headers;
        headers.add("DPoP-Nonce", "n1");
        if (nonce_of(request) != "n1")
            return respond(400, R"({"error":"use_dpop_nonce"})", headers);
        return respond(200, R"({"access_token":"t","token_type":"DPoP","expires_in":60})", headers);
    };
    transport.hold();
    std::vector<std::shared_ptr<Caller>> callers;
    callers.reserve(ids.size());
    for (const core::ProviderId id : ids) callers.push_back(ask(id));
    transport.release();
    settle();
    for (const auto& caller : callers) EXPECT_EQ(caller->token(), "t") << caller->error();
    EXPECT_EQ(transport.requests.size(), 10U);
}

class TokenTestTest : public TokenSetupTest {
protected:
    // A provider with a token, tested at what its settings and metadata say.
    core::ProviderId ready(storage::ProviderRecord provider) {
        token_type = provider.settings.contains("dpop") ? "DPoP" : "Bearer";
        script = [this](const http::Request& request) -> core::Result<http::Response> {
            if (request.url.target != "/oauth/token") return tested(request);
            return respond(200, R"({"access_token":"t","token_type":")" + token_type +
                                    R"(","expires_in":60})");
        };
        const auto id = add(std::move(provider));
        start();
        EXPECT_TRUE(obtain(id)->value());
        return id;
    }
    TokenTestResult test(core::ProviderId id) {
        return by_hand<TokenTestResult>([&](auto done) { manager->test(id, std::move(done)); })
            ->value()
            .value();
    }
    static storage::ProviderRecord discovered() {
        storage::ProviderRecord provider = sample_provider();
        provider.issuer = "https://login.example";
        provider.metadata = {{"issuer", "https://login.example"},
                             {"token_endpoint", "https://login.example/oauth/token"},
                             {"userinfo_endpoint", "https://login.example/me"},
                             {"introspection_endpoint", "https://login.example/introspect"}};
        return provider;
    }

    std::string token_type;
    std::function<core::Result<http::Response>(const http::Request&)> tested;
};

// A callout would trust the same authority and carry the nonce that the receiver wants.
TEST_F(TokenTestTest, IsSentAsACalloutWouldBe) {
    storage::ProviderRecord provider = sample_provider();
    provider.settings["dpop"] = true;
    const auto path = directory.file("ca.pem");
    std::ofstream(path) << "the authority";
    provider.settings["ca_file"] = path.string();
    provider.test_endpoint = "https://api.example/ping";
    tested = [](const http::Request& request) -> core::Result<http::Response> {
        http::Headers headers;
        headers.add("DPoP-Nonce", "r1");
        if (nonce_of(request) == "r1") return respond(200, "", headers);
        headers.add("WWW-Authenticate", "DPoP error=\"use_dpop_nonce\"");
        return respond(401, "", headers);
    };
    const auto id = ready(std::move(provider));
    EXPECT_EQ(test(id).verdict, "accepted");
    for (const http::Request& request : transport.requests) {
        ASSERT_TRUE(request.tls.ca) << request.url.text();
        EXPECT_EQ(*request.tls.ca, "the authority");
        EXPECT_TRUE(request.tls == transport.requests.front().tls);
    }
    EXPECT_EQ(transport.requests.back().headers.get("Authorization"), "DPoP t");
    EXPECT_EQ(transport.requests.size(), 3U);
    EXPECT_EQ(test(id).verdict, "accepted");
    EXPECT_EQ(transport.requests.size(), 4U) << "the nonce is known now";
}

// O-130.
TEST_F(TokenTestTest, IntrospectsWhereDiscoveryOffersItAndNobodyChoseAnEndpoint) {
    std::string answer = R"({"active":true})";
    int status = 200;
    tested = [&](const http::Request& request) -> core::Result<http::Response> {
        EXPECT_EQ(request.url.target, "/introspect");
        EXPECT_THAT(request.body, HasSubstr("token=t&token_type_hint=access_token"));
        EXPECT_THAT(request.body, HasSubstr("client_secret="));
        return respond(status, answer);
    };
    const auto id = ready(discovered());
    const TokenTestResult result = test(id);
    EXPECT_EQ(result.verdict, "accepted");
    EXPECT_EQ(result.kind, "introspection");
    answer = R"({"active":false})";
    EXPECT_EQ(test(id).verdict, "rejected");
    answer = "{}";
    EXPECT_EQ(test(id).verdict, "inconclusive");
    status = 401;
    EXPECT_EQ(test(id).verdict, "inconclusive") << "the client may not ask; nothing of the token";
}

TEST_F(TokenTestTest, AnEndpointThatSomebodyChoseIsAskedEvenBesideIntrospection) {
    storage::ProviderRecord provider = discovered();
    provider.test_endpoint = "https://api.example/ping";
    tested = [](const http::Request& request) -> core::Result<http::Response> {
        EXPECT_EQ(request.url.text(), "https://api.example/ping");
        return respond(204);
    };
    const TokenTestResult result = test(ready(std::move(provider)));
    EXPECT_EQ(result.verdict, "accepted");
    EXPECT_EQ(result.kind, "request");
}

TEST_F(TokenTestTest, UserinfoSaysNothingOfATokenWithoutOpenid) {
    storage::ProviderRecord provider = discovered();
    provider.metadata.erase("introspection_endpoint");
    tested = [](const http::Request& request) -> core::Result<http::Response> {
        EXPECT_EQ(request.url.target, "/me");
        return respond(403, R"({"error":"insufficient_scope"})");
    };
    const TokenTestResult result = test(ready(std::move(provider)));
    EXPECT_EQ(result.verdict, "inconclusive");
    EXPECT_THAT(result.reason, HasSubstr("openid"));
    EXPECT_FALSE(result.ok);
}

TEST_F(TokenTestTest, UserinfoThatForbidsATokenWithOpenidForbidsIt) {
    storage::ProviderRecord provider = discovered();
    provider.metadata.erase("introspection_endpoint");
    provider.scopes = {"openid"};
    tested = [](const http::Request&) -> core::Result<http::Response> { return respond(403); };
    EXPECT_EQ(test(ready(std::move(provider))).verdict, "forbidden");
}

TEST_F(TokenTestTest, IntrospectionThatHidesGoodTokensIsNoVerdict) {
    storage::ProviderRecord provider = sample_provider();
    provider.kind = "salesforce";
    provider.grant_type = "client_credentials";
    provider.settings["org_id"] = "00D260000001G7lEAE";
    provider.settings["user_id"] = "00526000004wk0wAAA";
    provider.settings["introspect_expiry"] = false;
    provider.settings["test_kind"] = "introspection";
    tested = [](const http::Request&) -> core::Result<http::Response> {
        return respond(200, R"({"active":false})");
    };
    EXPECT_EQ(test(ready(std::move(provider))).verdict, "inconclusive");
}

// O-56.
TEST_F(TokenSetupTest, IntrospectionTellsTheLifetimeThatTheAnswerDoesNot) {
    storage::ProviderRecord provider = sample_provider();
    provider.settings["introspect_expiry"] = true;
    provider.settings["introspection_endpoint"] = "https://login.example/introspect";
    const auto id = add(std::move(provider));
    start();
    const auto exp = std::chrono::duration_cast<std::chrono::seconds>(
        (clock.stored_now() + 2h).time_since_epoch());
    bool active = true;
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        if (request.url.target == "/introspect") {
            return respond(200, std::string(R"({"active":)") + (active ? "true" : "false") +
                                    R"(,"exp":)" + std::to_string(exp.count()) + "}");
        }
        return respond(200, R"({"access_token":"t","token_type":"Bearer"})");
    };
    EXPECT_NEAR(
        static_cast<double>(((*obtain(id))->value().expires_at - clock.stored_now()).count()),
        7'200'000.0, 1000.0);
    active = false;  // may only mean that this client may not ask
    EXPECT_EQ((*obtain(id))->value().expires_at, clock.stored_now() + 300s);
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
    std::ofstream(path) << "\xEF\xBB\xBFthird\r\n";
    obtain(id);
    EXPECT_THAT(transport.requests.back().body, HasSubstr("client_secret=third"));
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
