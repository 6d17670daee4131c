// What happens to a provider while a request for it is under way.
#include "tests/providers/token_manager_fixture.h"

namespace herald::providers::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class TokenOvertakenTest : public TokenManagerFixture {
protected:
    storage::ProviderRecord discovering(const std::string& issuer) {
        storage::ProviderRecord provider = sample_provider();
        provider.token_endpoint.clear();
        provider.issuer = issuer;
        return provider;
    }
    core::ProviderId add_refreshing(storage::ProviderRecord provider = sample_provider()) {
        provider.grant_type = "refresh_token";
        storage::TokenRecord token;
        token.refresh_token = core::Secret("refresh-0");
        return add(std::move(provider), std::move(token));
    }
    core::ProviderId add_interactive(storage::ProviderRecord provider = sample_provider()) {
        provider.grant_type = "authorization_code";
        provider.settings["authorization_endpoint"] = "https://login.example/authorize";
        return add(std::move(provider));
    }
    auto begin(core::ProviderId id) {
        return by_hand<SetupStart>([&](auto done) {
            manager->begin_setup(id, "http://127.0.0.1:1234/callback", std::move(done));
        });
    }
    auto finish(core::ProviderId id, const std::string& state, const std::string& code) {
        return by_hand<storage::TokenRecord>([&](auto done) {
            manager->finish_setup(id, {.code = core::Secret(code), .state = state, .issuer = {}},
                                  std::move(done));
        });
    }
    // As the admin interface changes what shapes a token.
    void reconfigure(core::ProviderId id,
                     const std::function<void(storage::ProviderRecord&)>& how) {
        edit(id, [&](auto& change) {
            how(change.record);
            ++change.record.config_version;
            change.drop_token = true;
        });
    }
    static void move_to_b(storage::ProviderRecord& record) {
        record.issuer = "https://b.example";
        record.metadata.clear();
    }
    std::string stored_refresh_token() {
        const auto token = store->token(store->provider("crm")->id).value();
        return token && token->refresh_token ? std::string(token->refresh_token->reveal())
                                             : "(none)";
    }
    std::vector<std::string> revoked_tokens() {
        std::vector<std::string> tokens;
        for (const http::Request& request : transport.requests) {
            if (request.url.target == "/revoke")
                tokens.push_back(request.body.substr(0, request.body.find('&')));
        }
        return tokens;
    }
    std::vector<std::string> bodies_sent_to(const std::string& host) {
        std::vector<std::string> bodies;
        for (const http::Request& request : transport.requests) {
            if (request.url.host == host) bodies.push_back(request.body);
        }
        return bodies;
    }
    core::Result<http::Response> answer(const http::Request& request) override {
        if (script) return script(request);
        return TokenManagerFixture::answer(request);
    }
    // Two issuers, each with its endpoints on its own host, and what they were told.
    core::Result<http::Response> issuer_answer(const http::Request& request) {
        if (request.method == "GET") {
            const std::string issuer = request.url.origin();
            return respond(200, R"({"issuer":")" + issuer + R"(","token_endpoint":")" + issuer +
                                    R"(/token","revocation_endpoint":")" + issuer + R"(/revoke"})");
        }
        return TokenManagerFixture::answer(request);
    }
    std::function<core::Result<http::Response>(const http::Request&)> script;
};

TEST_F(TokenOvertakenTest, ASecretIsNeverSentToTheIssuerOfAnotherConfiguration) {
    script = [&](const http::Request& request) { return issuer_answer(request); };
    const auto id = add(discovering("https://a.example"));
    start();
    transport.hold();
    const auto caller = ask(id);
    ASSERT_THAT(transport.requests, SizeIs(1)) << "the first issuer is being asked";
    reconfigure(id, [](auto& record) {
        move_to_b(record);
        record.client_secret = core::Secret("secret-of-b");
    });
    transport.release();
    settle();
    advance(1s);
    EXPECT_EQ(caller->token(), "token-1");
    EXPECT_THAT(bodies_sent_to("a.example"), Not(Contains(HasSubstr("client_secret"))));
    EXPECT_THAT(bodies_sent_to("b.example"), Contains(HasSubstr("client_secret=secret-of-b")));
    EXPECT_EQ(transport.requests.back().url.text(), "https://b.example/token");
    EXPECT_EQ(store->provider("crm")->metadata.at("token_endpoint"), "https://b.example/token");
}

// The same where the person who sets up waits for the first issuer.
TEST_F(TokenOvertakenTest, ASetUpOfAnotherConfigurationIsNotBegun) {
    script = [&](const http::Request& request) { return issuer_answer(request); };
    const auto id = add_interactive(discovering("https://a.example"));
    start();
    transport.hold();
    const auto begun = begin(id);
    reconfigure(id, move_to_b);
    transport.release();
    settle();
    ASSERT_TRUE(begun->has_value());
    EXPECT_FALSE(**begun);
    EXPECT_THAT(store->provider("crm")->metadata, ::testing::IsEmpty());
}

TEST_F(TokenOvertakenTest, WhatAnotherIssuerToldIsNeverUsed) {
    script = [&](const http::Request& request) { return issuer_answer(request); };
    storage::ProviderRecord provider = discovering("https://b.example");
    provider.metadata = {{"issuer", "https://a.example"},
                         {"token_endpoint", "https://a.example/token"}};
    const auto id = add(std::move(provider));
    start();
    EXPECT_EQ(ask(id)->token(), "token-1");
    EXPECT_THAT(bodies_sent_to("a.example"), SizeIs(0));
}

TEST_F(TokenOvertakenTest, ACodeOfAnotherConfigurationIsNotExchanged) {
    const auto id = add_interactive();
    start();
    const auto begun = begin(id);
    reconfigure(id, [](auto& record) { record.token_endpoint = "https://other.example/token"; });
    const auto token = finish(id, (*begun)->value().state, "c0de");
    EXPECT_EQ((*token)->error().code, "setup_failed");
    EXPECT_EQ(token_requests, 0);
}

TEST_F(TokenOvertakenTest, AnEditThatShapesNoTokenLeavesABegunSetUp) {
    const auto id = add_interactive();
    start();
    const auto begun = begin(id);
    edit(id, [](auto& change) { change.record.test_endpoint = "https://api.example/me"; });
    EXPECT_TRUE(finish(id, (*begun)->value().state, "c0de")->value());
}

// A rotated refresh token is all that is left of the grant.
TEST_F(TokenOvertakenTest, ARotatedRefreshTokenOutlivesAnEdit) {
    const auto id = add_refreshing();
    start();
    script = [&](const http::Request&) -> core::Result<http::Response> {
        const std::string number = std::to_string(++issued);
        return respond(200, R"({"access_token":"token-)" + number +
                                R"(","expires_in":3600,"refresh_token":"refresh-)" + number +
                                "\"}");
    };
    transport.hold();
    const auto caller = ask(id);
    reconfigure(id, [](auto& record) { record.scopes = {"other"}; });
    transport.release();
    settle();
    EXPECT_EQ(caller->token(), "token-2") << "the first one is of the former configuration";
    ASSERT_THAT(transport.requests, SizeIs(2));
    EXPECT_THAT(transport.requests[1].body, HasSubstr("refresh_token=refresh-1"));
    EXPECT_EQ(stored_refresh_token(), "refresh-2");
    restart();
    obtain(id);
    EXPECT_THAT(transport.requests.back().body, HasSubstr("refresh_token=refresh-2"));
}

// The same where the edit is stored, and nobody has told the manager yet.
TEST_F(TokenOvertakenTest, ARotatedRefreshTokenOutlivesAnEditThatIsNotAdoptedYet) {
    const auto id = add_refreshing();
    start();
    next_answer =
        respond(200, R"({"access_token":"token-1","expires_in":3600,"refresh_token":"refresh-1"})");
    transport.hold();
    const auto caller = ask(id);
    ASSERT_TRUE(store->edit_provider("crm", [](auto& change) -> core::Result<> {
        ++change.record.config_version;
        change.drop_token = true;
        return {};
    }));
    transport.release();
    settle();
    EXPECT_EQ(stored_refresh_token(), "refresh-1");
    next_answer.reset();
    advance(1s);
    EXPECT_THAT(transport.requests.back().body, HasSubstr("refresh_token=refresh-1"));
    EXPECT_TRUE(caller->answer->has_value());
}

TEST_F(TokenOvertakenTest, ARefreshTokenThatAPersonGaveMeanwhileStays) {
    const auto id = add_refreshing();
    start();
    next_answer =
        respond(200, R"({"access_token":"token-1","expires_in":3600,"refresh_token":"refresh-1"})");
    transport.hold();
    ask(id);
    edit(id, [](auto& change) {
        ++change.record.config_version;
        change.drop_token = true;
        change.token->refresh_token = core::Secret("given");
    });
    transport.release();
    settle();
    ASSERT_THAT(transport.requests, SizeIs(2));
    EXPECT_THAT(transport.requests[1].body, HasSubstr("refresh_token=given"));
}

TEST_F(TokenOvertakenTest, ARotatedRefreshTokenThatArrivesAfterARevokeIsRevoked) {
    storage::ProviderRecord provider = sample_provider();
    provider.revocation_endpoint = "https://login.example/revoke";
    const auto id = add_refreshing(std::move(provider));
    start();
    next_answer =
        respond(200, R"({"access_token":"token-1","expires_in":3600,"refresh_token":"refresh-1"})");
    transport.hold();
    ask(id);
    const auto revoked = revoke(id);
    transport.release();
    settle();
    EXPECT_THAT(revoked_tokens(),
                ElementsAre("token=refresh-0", "token=refresh-1", "token=token-1"));
    EXPECT_EQ(stored_refresh_token(), "(none)");
    EXPECT_EQ(state(), "revoked");
}

TEST_F(TokenOvertakenTest, ARevokeDuringTheFirstRequestRevokesWhatArrives) {
    storage::ProviderRecord provider = sample_provider();
    provider.revocation_endpoint = "https://login.example/revoke";
    const auto id = add(std::move(provider));
    start();
    transport.hold();
    const auto caller = ask(id);
    const auto revoked = revoke(id);
    ASSERT_TRUE(revoked->has_value());
    EXPECT_EQ((*revoked)->value(), RemoteRevocation::kQueued);
    EXPECT_EQ(caller->error_class(), "revoked");
    transport.release();
    settle();
    EXPECT_THAT(revoked_tokens(), ElementsAre("token=token-1"));
    EXPECT_EQ(manager->reader(id).read(clock.steady_now()), nullptr);
    EXPECT_EQ(state(), "revoked");
}

TEST_F(TokenOvertakenTest, ALateTokenIsRevokedWhereTheIssuerNamesTheEndpoint) {
    script = [&](const http::Request& request) { return issuer_answer(request); };
    const auto id = add(discovering("https://a.example"));
    start();
    ask(id);
    transport.hold();
    obtain(id);
    revoke(id);
    transport.release();
    settle();
    EXPECT_THAT(revoked_tokens(),
                ::testing::UnorderedElementsAre("token=token-1", "token=token-2"));
}

TEST_F(TokenOvertakenTest, ALateTokenIsRevokedWhereTheKindHasTheEndpoint) {
    storage::ProviderRecord provider = sample_provider();
    provider.kind = "okta";
    provider.token_endpoint.clear();
    provider.settings["domain"] = "login.example";
    const auto id = add(std::move(provider));
    start();
    int revocations = 0;
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        if (request.url.target.find("revoke") == std::string::npos)
            return TokenManagerFixture::answer(request);
        ++revocations;
        return respond(200);
    };
    ask(id);
    transport.hold();
    obtain(id);
    revoke(id);
    transport.release();
    settle();
    EXPECT_EQ(revocations, 2);
}

// What is still to be revoked at one server is not shown to the next.
TEST_F(TokenOvertakenTest, AQueuedRevocationIsNeverSentToAnotherServer) {
    script = [&](const http::Request& request) { return issuer_answer(request); };
    const auto id = add(discovering("https://a.example"));
    start();
    ask(id);
    revoke_answer = respond(503);
    EXPECT_EQ((*revoke(id))->value(), RemoteRevocation::kQueued);
    reconfigure(id, move_to_b);
    revoke_answer = respond(200);
    advance(31s);
    EXPECT_THAT(bodies_sent_to("b.example"), Not(Contains(HasSubstr("token-1"))));
    EXPECT_TRUE(store->pending_revocations()->empty());
}

TEST_F(TokenOvertakenTest, AQueuedRevocationGoesOnWithANewSecret) {
    script = [&](const http::Request& request) { return issuer_answer(request); };
    const auto id = add(discovering("https://a.example"));
    start();
    ask(id);
    revoke_answer = respond(503);
    revoke(id);
    reconfigure(id, [](auto& record) { record.client_secret = core::Secret("newer"); });
    revoke_answer = respond(200);
    advance(31s);
    EXPECT_THAT(transport.requests.back().body, HasSubstr("token=token-1"));
    EXPECT_THAT(transport.requests.back().body, HasSubstr("client_secret=newer"));
    EXPECT_TRUE(store->pending_revocations()->empty());
}

TEST_F(TokenOvertakenTest, APersonsSetUpWaitsForARefreshAndGetsItsOwnToken) {
    const auto id = add_interactive();
    start();
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        const bool is_code = request.body.find("code=") != std::string::npos;
        const std::string whose =
            is_code ? request.body.substr(request.body.find("code=") + 5, 3) : "refreshed";
        return respond(200, R"({"access_token":")" + whose + R"(","expires_in":3600,)" +
                                R"("refresh_token":"of-)" + whose + "\"}");
    };
    finish(id, (*begin(id))->value().state, "ann");
    const auto second = begin(id);
    const auto third_begun_later = (*second)->value().state;
    transport.hold();
    const auto refreshed = obtain(id);
    const auto bob = finish(id, third_begun_later, "bob");
    EXPECT_FALSE(bob->has_value()) << "it waits";
    transport.release();
    settle();
    ASSERT_TRUE(bob->has_value());
    EXPECT_EQ((*refreshed)->value().access_token->reveal(), "refreshed");
    EXPECT_EQ((*bob)->value().access_token->reveal(), "bob");
    EXPECT_EQ(stored_refresh_token(), "of-bob");
}

TEST_F(TokenOvertakenTest, TwoPersonsWhoWaitEachGetTheirOwn) {
    const auto id = add_interactive();
    start();
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        return respond(200, R"({"access_token":")" +
                                request.body.substr(request.body.find("code=") + 5, 3) +
                                R"(","expires_in":3600})");
    };
    const std::string first = (*begin(id))->value().state;
    transport.hold();
    const auto ann = finish(id, first, "ann");
    const auto bob = finish(id, (*begin(id))->value().state, "bob");
    const auto cid = finish(id, (*begin(id))->value().state, "cid");
    transport.release();
    settle();
    EXPECT_EQ((*ann)->value().access_token->reveal(), "ann");
    EXPECT_EQ((*bob)->value().access_token->reveal(), "bob");
    EXPECT_EQ((*cid)->value().access_token->reveal(), "cid");
}

TEST_F(TokenOvertakenTest, ARefusedCodeFailsNobodyElse) {
    const auto id = add_interactive();
    start();
    finish(id, (*begin(id))->value().state, "ann");
    script = [&](const http::Request& request) -> core::Result<http::Response> {
        if (request.body.find("code=") != std::string::npos)
            return respond(400, R"({"error":"invalid_grant"})");
        return respond(200, R"({"access_token":"fresh","expires_in":3600})");
    };
    advance(2h);
    const auto begun = begin(id);
    transport.hold();
    const auto bob = finish(id, (*begun)->value().state, "bob");
    const auto by_hand = obtain(id);
    transport.release();
    settle();
    EXPECT_FALSE(**bob);
    ASSERT_TRUE(by_hand->has_value());
    EXPECT_EQ((*by_hand)->error().code, "no_token") << "asked for itself: there is no grant";
}

TEST_F(TokenOvertakenTest, ARefreshLeavesABegunSetUpAlone) {
    const auto id = add_interactive();
    start();
    next_answer = respond(200, R"({"access_token":"t","expires_in":60,"refresh_token":"r"})");
    finish(id, (*begin(id))->value().state, "ann");
    const auto begun = begin(id);
    obtain(id);
    EXPECT_TRUE(finish(id, (*begun)->value().state, "bob")->value());
}

TEST_F(TokenOvertakenTest, ASetUpReplacesTheGrantAsAWhole) {
    const auto id = add_interactive();
    start();
    next_answer = respond(200, R"({"access_token":"a","expires_in":60,"refresh_token":"of-ann"})");
    finish(id, (*begin(id))->value().state, "ann");
    EXPECT_EQ(stored_refresh_token(), "of-ann");
    next_answer = respond(200, R"({"access_token":"b","expires_in":60})");
    finish(id, (*begin(id))->value().state, "bob");
    EXPECT_EQ(stored_refresh_token(), "(none)") << "never the other person's";
    restart();
    EXPECT_EQ((*obtain(id))->error().code, "no_token");
}

// A key that is made anew while a token is on its way would not fit that token.
TEST_F(TokenOvertakenTest, ATokenIsShownWithTheKeyThatItIsBoundTo) {
    storage::ProviderRecord provider = sample_provider();
    provider.settings["dpop"] = true;
    const auto id = add(std::move(provider));
    start();
    next_answer = respond(200, R"({"access_token":"t","token_type":"DPoP","expires_in":600})");
    transport.hold();
    const auto caller = ask(id);
    edit(id, [](auto& change) { change.record.test_endpoint = "https://api.example/me"; });
    transport.release();
    settle();
    ASSERT_EQ(caller->token(), "t");
    const auto proof = transport.requests.back().headers.get("DPoP");
    ASSERT_TRUE(proof);
    const std::string shown((**caller->answer)->dpop->pem().reveal());
    EXPECT_EQ(shown, store->token(id).value()->dpop_key->reveal());
    const auto key_of = [](std::string_view jwt) { return jwt.substr(0, jwt.find('.')); };
    const auto again = (**caller->answer)
                           ->dpop->proof({.method = "POST",
                                          .url = transport.requests.back().url,
                                          .now = clock.system_now()});
    EXPECT_EQ(key_of(*proof), key_of(*again)) << "the header names the same key";
}

}  // namespace
}  // namespace herald::providers::test
