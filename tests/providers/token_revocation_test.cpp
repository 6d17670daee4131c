// Test and revoke (oauth.md 6.10).
#include <algorithm>

#include "tests/providers/token_manager_fixture.h"

namespace herald::providers::test {
namespace {

using ::testing::HasSubstr;

class TokenRevocationTest : public TokenManagerFixture {
protected:
    storage::ProviderRecord revocable() {
        storage::ProviderRecord provider = sample_provider();
        provider.revocation_endpoint = "https://login.example/revoke";
        provider.test_endpoint = "https://api.example/me";
        return provider;
    }
    core::ProviderId add_refreshing(storage::ProviderRecord provider) {
        provider.grant_type = "refresh_token";
        storage::TokenRecord token;
        token.refresh_token = core::Secret("refresh-0");
        return add(std::move(provider), std::move(token));
    }
    // Its endpoints are asked for, and nobody has done so yet.
    core::ProviderId add_undiscovered(const std::string& issuer) {
        storage::ProviderRecord provider = sample_provider();
        provider.token_endpoint.clear();
        provider.issuer = issuer;
        return add_refreshing(std::move(provider));
    }
    // Each issuer that is up names its own endpoints.
    void answer_as_issuers(const std::string& is_down) {
        transport.answer_with([this, is_down](
                                  const http::Request& request) -> core::Result<http::Response> {
            const std::string issuer = request.url.origin();
            if (issuer == is_down) return respond(503);
            if (request.method != "GET") return answer(request);
            return respond(200, R"({"issuer":")" + issuer + R"(","token_endpoint":")" + issuer +
                                    R"(/token","revocation_endpoint":")" + issuer + R"(/revoke"})");
        });
    }
    bool was_told(const std::string& host) {
        return std::any_of(transport.requests.begin(), transport.requests.end(),
                           [&](const http::Request& request) {
                               return request.url.host == host && request.url.target == "/revoke";
                           });
    }
    std::vector<std::string> revoked_tokens() {
        std::vector<std::string> bodies;
        for (const http::Request& request : transport.requests) {
            if (request.url.target == "/revoke")
                bodies.push_back(request.body.substr(0, request.body.find("&client_id")));
        }
        return bodies;
    }
};

// O-131, O-132, O-135.
TEST_F(TokenRevocationTest, RevokesAtTheServerAndAsksForNothingByItself) {
    const auto id = add(revocable());
    start();
    ask(id);
    const auto revoked = revoke(id);
    EXPECT_EQ((*revoked)->value(), RemoteRevocation::kDone);
    EXPECT_THAT(revoked_tokens(),
                ::testing::ElementsAre("token=token-1&token_type_hint=access_token"));
    EXPECT_EQ(manager->reader(id).read(clock.steady_now()), nullptr);
    EXPECT_EQ(state(), "revoked");
    EXPECT_EQ(ask(id)->error_class(), "revoked");
    advance(2h);
    EXPECT_EQ(token_requests, 1);
    obtain(id);
    EXPECT_EQ(state(), "authorized") << "a person brings it back";
}

TEST_F(TokenRevocationTest, MissingEndpointOrTokenIsSaidAndChangesNothing) {
    const auto bare = add(sample_provider());
    start();
    obtain(bare);
    EXPECT_EQ((*revoke(bare))->error().code, "endpoint_missing");
    const auto tested =
        by_hand<TokenTestResult>([&](auto done) { manager->test(bare, std::move(done)); });
    EXPECT_EQ((*tested)->error().code, "endpoint_missing");
    EXPECT_THAT((*tested)->error().message, HasSubstr("--test-url"));
    EXPECT_EQ(state(), "authorized");
}

TEST_F(TokenRevocationTest, WithoutATokenThereIsNothingToRevokeOrTest) {
    const auto id = add(revocable());
    start();
    EXPECT_EQ((*revoke(id))->error().code, "no_token");
    const auto tested =
        by_hand<TokenTestResult>([&](auto done) { manager->test(id, std::move(done)); });
    EXPECT_EQ((*tested)->error().code, "no_token");
    EXPECT_EQ(transport.requests.size(), 0U);
}

// O-136.
TEST_F(TokenRevocationTest, ATokenThatArrivesDuringARevokeIsNeverUsedAndItselfRevoked) {
    const auto id = add(revocable());
    start();
    ask(id);
    transport.hold();
    const auto refreshed = obtain(id);
    const auto revoked = revoke(id);
    transport.release();
    settle();
    EXPECT_EQ((*revoked)->value(), RemoteRevocation::kDone);
    EXPECT_EQ(manager->reader(id).read(clock.steady_now()), nullptr);
    EXPECT_FALSE(**refreshed);
    EXPECT_THAT(revoked_tokens(),
                ::testing::UnorderedElementsAre("token=token-1&token_type_hint=access_token",
                                                "token=token-2&token_type_hint=access_token"));
    EXPECT_EQ(state(), "revoked");
}

// O-134.
TEST_F(TokenRevocationTest, ABusyServerIsTriedAgainAlsoAfterARestart) {
    const auto id = add(revocable());
    start();
    ask(id);
    http::Headers headers;
    headers.set("Retry-After", "60");
    revoke_answer = respond(503, "", headers);
    EXPECT_EQ((*revoke(id))->value(), RemoteRevocation::kQueued);
    EXPECT_EQ(state(), "revoked") << "dropped here at once";
    restart();
    EXPECT_EQ(revoked_tokens().size(), 1U) << "not before the server asked";
    revoke_answer = respond(200);
    advance(61s);
    EXPECT_EQ(revoked_tokens().size(), 2U);
    EXPECT_TRUE(store->pending_revocations()->empty());
}

// A person's obtain joins the flight that a revoke has overtaken: it must be answered all the same.
TEST_F(TokenRevocationTest, AnObtainAfterARevokeIsAnsweredThoughAnOldFlightIsStillOut) {
    const auto id = add(revocable());
    start();
    ask(id);
    transport.hold();
    const auto overtaken = obtain(id);
    const auto revoked = revoke(id);
    const auto after = obtain(id);
    transport.release();
    settle();
    EXPECT_TRUE(revoked->has_value());
    ASSERT_TRUE(after->has_value());
    EXPECT_TRUE(**after);
    EXPECT_EQ(state(), "authorized");
}

TEST_F(TokenRevocationTest, AnEditDoesNotTakeARevocationBack) {
    const auto id = add(revocable());
    start();
    ask(id);
    revoke(id);
    edit(id, [](auto& change) {
        change.record.scopes = {"other"};
        ++change.record.config_version;
        change.drop_token = true;
    });
    EXPECT_EQ(ask(id)->error_class(), "revoked");
    EXPECT_EQ(token_requests, 1);
}

// Two tokens to revoke at a server that stays away for a while: both are tried until it is back.
TEST_F(TokenRevocationTest, EveryQueuedRevocationIsTriedUntilItSucceeds) {
    storage::ProviderRecord provider = revocable();
    provider.grant_type = "refresh_token";
    storage::TokenRecord token;
    token.refresh_token = core::Secret("refresh-0");
    const auto id = add(std::move(provider), std::move(token));
    start();
    obtain(id);
    revoke_answer = respond(503);
    EXPECT_EQ((*revoke(id))->value(), RemoteRevocation::kQueued);
    for (int i = 0; i < 5; ++i) advance(31s);
    EXPECT_EQ(store->pending_revocations()->size(), 2U);
    revoke_answer = respond(200);
    advance(31s);
    EXPECT_TRUE(store->pending_revocations()->empty());
}

// O-133.
TEST_F(TokenRevocationTest, AServerThatCannotRevokeThisKindSaysSo) {
    const auto id = add(revocable());
    start();
    ask(id);
    revoke_answer = respond(400, R"({"error":"unsupported_token_type"})");
    EXPECT_EQ((*revoke(id))->value(), RemoteRevocation::kNotRevocable);
    EXPECT_TRUE(store->pending_revocations()->empty());
}

TEST_F(TokenRevocationTest, ARefusedRevocationIsAnErrorAndTheTokenIsGoneHere) {
    const auto id = add(revocable());
    start();
    ask(id);
    revoke_answer = respond(401, R"({"error":"invalid_client"})");
    EXPECT_EQ((*revoke(id))->error().code, "revocation_failed");
    EXPECT_EQ(state(), "revoked");
}

// What is still to be revoked at one server is not shown to the next, though its endpoints were
// never known.
TEST_F(TokenRevocationTest, WhatAnUnknownServerGaveIsNotShownToTheNext) {
    const auto id = add_undiscovered("https://a.example");
    answer_as_issuers("https://a.example");
    start();
    EXPECT_EQ((*revoke(id))->value(), RemoteRevocation::kQueued);
    edit(id, [](auto& change) {
        change.record.issuer = "https://b.example";
        ++change.record.config_version;
        change.drop_token = true;
    });
    advance(31s);
    EXPECT_FALSE(was_told("b.example"));
    EXPECT_TRUE(store->pending_revocations()->empty());
}

TEST_F(TokenRevocationTest, WhatAnUnknownServerGaveIsToldItOnceItIsThere) {
    const auto id = add_undiscovered("https://a.example");
    answer_as_issuers("https://a.example");
    start();
    revoke(id);
    answer_as_issuers("nobody");
    advance(31s);
    EXPECT_TRUE(was_told("a.example"));
    EXPECT_TRUE(store->pending_revocations()->empty());
}

// Nobody was asked: it is told as it is, and stays.
TEST_F(TokenRevocationTest, ADocumentOfAnotherIssuerEndsNoRevocation) {
    const auto id = add_undiscovered("https://a.example");
    transport.answer_with(
        [](const http::Request&) { return respond(200, R"({"issuer":"https://b.example"})"); });
    start();
    EXPECT_EQ((*revoke(id))->error().code, "revocation_failed");
    EXPECT_EQ(store->pending_revocations()->size(), 1U);
    answer_as_issuers("nobody");
    advance(31s);
    EXPECT_TRUE(was_told("a.example"));
    EXPECT_TRUE(store->pending_revocations()->empty());
}

TEST_F(TokenRevocationTest, ABlockedAddressEndsNoRevocation) {
    const auto id = add(revocable());
    start();
    ask(id);
    core::Error blocked = transport_failure("blocked_address", false);
    blocked.kind = core::ErrorKind::kPermanent;
    revoke_answer = blocked;
    EXPECT_EQ((*revoke(id))->error().code, "revocation_failed");
    revoke_answer = respond(200);
    advance(31s);
    EXPECT_EQ(revoked_tokens().size(), 2U);
    EXPECT_TRUE(store->pending_revocations()->empty());
}

TEST_F(TokenRevocationTest, AConfigurationThatCannotBeUsedEndsNoRevocation) {
    const auto id = add(revocable());
    start();
    ask(id);
    revoke_answer = respond(503);
    revoke(id);
    revoke_answer = respond(200);
    edit(id, [](auto& change) { change.record.settings["request_timeout_ms"] = "no number"; });
    advance(31s);
    EXPECT_EQ(store->pending_revocations()->size(), 1U);
    edit(id, [](auto& change) { change.record.settings.erase("request_timeout_ms"); });
    advance(31s);
    EXPECT_EQ(revoked_tokens().size(), 2U);
    EXPECT_TRUE(store->pending_revocations()->empty());
}

// A late token lands while the token before it is still being told of.
TEST_F(TokenRevocationTest, ARevokeIsDoneOnceWhatHasArrivedIsRevokedToo) {
    const auto id = add(revocable());
    transport.answer_with([this](const http::Request& request) {
        const bool is_late = request.url.target != "/revoke" && issued == 1;
        if (is_late) transport.hold();  // what follows it
        return answer(request);
    });
    start();
    ask(id);
    transport.hold();
    obtain(id);
    const auto revoked = revoke(id);
    transport.release();
    settle();
    EXPECT_FALSE(revoked->has_value()) << "the late one is being told of";
    transport.release();
    settle();
    ASSERT_TRUE(revoked->has_value());
    EXPECT_EQ((*revoked)->value(), RemoteRevocation::kDone);
    EXPECT_THAT(revoked_tokens(),
                ::testing::ElementsAre("token=token-1&token_type_hint=access_token",
                                       "token=token-2&token_type_hint=access_token"))
        << "each once";
    EXPECT_TRUE(store->pending_revocations()->empty());
}

TEST_F(TokenRevocationTest, ARevokeIsQueuedWhereWhatHasArrivedIsNotRevokedYet) {
    const auto id = add(revocable());
    start();
    ask(id);
    transport.hold();
    obtain(id);
    const auto revoked = revoke(id);
    transport.answer_with([this](const http::Request& request) {
        if (request.body.find("token=token-2") != std::string::npos)
            return core::Result<http::Response>(respond(503));
        return answer(request);
    });
    transport.release();
    settle();
    ASSERT_TRUE(revoked->has_value());
    EXPECT_EQ((*revoked)->value(), RemoteRevocation::kQueued);
    EXPECT_EQ(store->pending_revocations()->size(), 1U);
}

// Whoever deletes the provider then must not be told that there is nothing.
TEST_F(TokenRevocationTest, AnotherRevokeTriesWhatIsQueued) {
    const auto id = add(revocable());
    start();
    ask(id);
    revoke_answer = respond(503);
    EXPECT_EQ((*revoke(id))->value(), RemoteRevocation::kQueued);
    EXPECT_EQ((*revoke(id))->value(), RemoteRevocation::kQueued);
    revoke_answer = respond(200);
    EXPECT_EQ((*revoke(id))->value(), RemoteRevocation::kDone);
    EXPECT_TRUE(store->pending_revocations()->empty());
    EXPECT_EQ((*revoke(id))->error().code, "no_token");
}

TEST_F(TokenRevocationTest, WhatIsQueuedCountsMoreThanWhatCannotBeRevoked) {
    const auto id = add_refreshing(revocable());
    start();
    obtain(id);
    transport.answer_with([](const http::Request& request) {
        const bool is_refresh_token = request.body.find("token=refresh-0") != std::string::npos;
        return is_refresh_token ? respond(503)
                                : respond(400, R"({"error":"unsupported_token_type"})");
    });
    EXPECT_EQ((*revoke(id))->value(), RemoteRevocation::kQueued);
    EXPECT_EQ(store->pending_revocations()->size(), 1U);
}

// O-127.
TEST_F(TokenRevocationTest, TestShowsTheCurrentTokenAndChangesNothing) {
    const auto id = add(revocable());
    start();
    obtain(id);
    const std::vector<std::tuple<int, std::optional<bool>, std::string>> rows = {
        {200, true, "accepted"},
        {204, true, "accepted"},
        {401, false, "rejected"},
        {403, false, "forbidden"},
        {500, std::nullopt, "inconclusive"},
        {302, std::nullopt, "inconclusive"}};
    for (const auto& [status, ok, verdict] : rows) {
        transport.answer_with([code = status](const http::Request&) { return respond(code); });
        const auto tested =
            by_hand<TokenTestResult>([&](auto done) { manager->test(id, std::move(done)); });
        EXPECT_EQ((*tested)->value().ok, ok) << status;
        EXPECT_EQ((*tested)->value().verdict, verdict) << status;
        EXPECT_EQ((*tested)->value().status, status);
        EXPECT_EQ(transport.requests.back().headers.get("Authorization"), "Bearer token-1");
        EXPECT_EQ(transport.requests.back().method, "GET");
    }
    EXPECT_EQ(state(), "authorized");
}

}  // namespace
}  // namespace herald::providers::test
