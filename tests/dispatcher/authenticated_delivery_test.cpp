// Callouts with OAuth 2.0: the token on the wire, the 401, and parking (oauth.md 6.5, 6.6).
#include "core/encoding.h"
#include "core/json.h"
#include "tests/providers/jws_reading.h"
#include "tests/support/dispatcher_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using herald::test::respond;
using storage::CalloutState;
using ::testing::HasSubstr;
using ::testing::Not;

class AuthenticatedDeliveryTest : public herald::test::DispatcherFixture {
protected:
    storage::NotificationRecord with_oauth(std::string name = "invoices") {
        auto record = notification(std::move(name));
        record.auth = add_provider();
        return record;
    }
};

TEST_F(AuthenticatedDeliveryTest, SendsTheBearerTokenAndSharesItAcrossCallouts) {
    start();
    add(with_oauth());
    for (int i = 0; i < 10; ++i) (void)fire();
    EXPECT_EQ(token_requests, 1);
    for (const auto& request : received) {
        EXPECT_EQ(request.headers.get("Authorization"), "Bearer token-1");
        EXPECT_TRUE(request.carries_credentials);
    }
}

// T-01: a thousand callouts, a cold token.
TEST_F(AuthenticatedDeliveryTest, AThousandCalloutsOnAColdTokenCauseOneTokenRequest) {
    start();
    auto record = with_oauth();
    record.max_in_flight = 1000;
    add(std::move(record));
    token_server.hold();
    for (int i = 0; i < 1000; ++i) (void)fire();
    EXPECT_EQ(received.size(), 0U);
    token_server.release();
    settle();
    EXPECT_EQ(received.size(), 1000U);
    EXPECT_EQ(token_requests, 1);
}

// O-86, O-90.
TEST_F(AuthenticatedDeliveryTest, A401GetsOneNewTokenAndOneResendWithinTheSameAttempt) {
    start();
    add(with_oauth());
    answers = {respond(401)};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
    EXPECT_EQ(callout(id).attempts, 1);
    const auto history = attempts(id);
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[0].number, 1);
    EXPECT_EQ(history[1].number, 1);
    EXPECT_FALSE(history[0].resend);
    EXPECT_TRUE(history[1].resend);
    EXPECT_EQ(history[0].token_generation, 1);
    EXPECT_EQ(history[1].token_generation, 2);
    EXPECT_EQ(received[1].headers.get("Authorization"), "Bearer token-2");
    EXPECT_EQ(received[0].headers.get("webhook-id"), received[1].headers.get("webhook-id"));
}

TEST_F(AuthenticatedDeliveryTest, NothingIsSentAgainAfterTheDeadlineOfTheAttempt) {
    start();
    auto record = with_oauth();
    record.timeout = 10s;
    add(std::move(record));
    (void)fire();
    answers = {respond(401)};
    token_server.hold();
    const core::CalloutId id = fire_one();
    ASSERT_EQ(received.size(), 2U);
    // The new token comes at the very moment at which the attempt is over.
    clock.advance(10s);
    token_server.release();
    settle();
    EXPECT_EQ(received.size(), 2U);
    EXPECT_EQ(attempts(id).size(), 1U);
    EXPECT_EQ(callout(id).state, CalloutState::kPending);
}

TEST_F(AuthenticatedDeliveryTest, ASecond401IsAFailedAttemptAndNoLoop) {
    start();
    add(with_oauth());
    answers = {respond(401), respond(401)};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(received.size(), 2U);
    EXPECT_EQ(callout(id).state, CalloutState::kPending);
    EXPECT_EQ(callout(id).attempts, 1);
    EXPECT_EQ(token_requests, 2);
}

// T-03: one receiver that refuses every token cannot stop the others, nor hammer the token
// endpoint.
TEST_F(AuthenticatedDeliveryTest, AReceiverThatAlwaysRefusesDoesNotDisturbItsNeighbours) {
    start();
    auto bad = with_oauth("bad");
    auto good = notification("good");
    good.auth = storage::OauthAuth{.provider = provider, .provider_name = "crm"};
    add(std::move(bad));
    add(std::move(good));
    receivers.answer_with([this](const http::Request& request) -> core::Result<http::Response> {
        received.push_back(request);
        return respond(request.url.target == "/bad" ? 401 : 200);
    });
    for (int second = 0; second < 60; ++second) {
        (void)fire();
        advance(1s);
    }
    EXPECT_LE(token_requests, 1 + 6);
    const auto all = store->counts().value();
    EXPECT_EQ(all.notifications.size(), 2U);
    for (const auto& counts : all.notifications) {
        if (counts.name == "good") {
            EXPECT_EQ(counts.delivered, 60);
        }
    }
}

// T-04, O-108: an outage costs no attempt, and its end resumes what waited.
TEST_F(AuthenticatedDeliveryTest, AProviderOutageParksWithoutSpendingAnAttempt) {
    start();
    add(with_oauth());
    token_answer = respond(503);
    const core::CalloutId id = fire_one();
    EXPECT_EQ(callout(id).state, CalloutState::kPending);
    EXPECT_EQ(callout(id).reason, "auth_unavailable:crm");
    for (int i = 0; i < 20; ++i) (void)fire();
    advance(30min);
    EXPECT_EQ(received.size(), 0U);
    EXPECT_EQ(callout(id).attempts, 0);
    EXPECT_TRUE(attempts(id).empty());
    token_answer.reset();
    advance(5min);
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
    EXPECT_EQ(received.size(), 21U);
}

TEST_F(AuthenticatedDeliveryTest, AnOutageOfOneProviderLeavesOthersAlone) {
    start();
    add(with_oauth("parked"));
    add(notification("free"));
    token_answer = respond(503);
    (void)fire();
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0].url.target, "/free");
}

TEST_F(AuthenticatedDeliveryTest, ADisabledProviderParksAndEnablingResumes) {
    start();
    add(with_oauth());
    const auto enable = [&](bool enabled) {
        ASSERT_TRUE(store->edit_provider(
            "crm", [&](storage::Store::ProviderEdit& change) -> core::Result<> {
                change.record.enabled = enabled;
                return {};
            }));
        manager->reload(provider, [](const core::Result<>&) {});
        settle();
    };
    enable(false);
    const core::CalloutId id = fire_one();
    EXPECT_EQ(callout(id).reason, "auth_unavailable:crm");
    EXPECT_EQ(token_requests, 0);
    enable(true);
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
}

TEST_F(AuthenticatedDeliveryTest, ParkedCalloutsFollowTheirNotificationToAnotherAuthentication) {
    start();
    add(with_oauth());
    token_answer = respond(401, R"({"error":"invalid_client"})");
    const core::CalloutId id = fire_one();
    EXPECT_EQ(callout(id).reason, "auth_unavailable:crm");
    edit("invoices", [](auto& change) { change.auth = storage::NoAuth{}; });
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
    EXPECT_EQ(received[0].headers.get("Authorization"), std::nullopt);
}

// The answer of the former provider comes late and must not hold the lane for the new one.
TEST_F(AuthenticatedDeliveryTest, ALateRefusalOfTheFormerProviderDoesNotHoldTheLane) {
    start();
    add(with_oauth());
    token_server.hold();
    const core::CalloutId id = fire_one();
    edit("invoices", [](auto& change) { change.auth = storage::NoAuth{}; });
    token_answer = respond(503);
    token_server.release();
    settle();
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
    EXPECT_EQ(scheduler->lanes().at(0).held_by, std::nullopt);
}

// O-79: the token that a long queue waited behind is not sent after its end.
TEST_F(AuthenticatedDeliveryTest, AnExpiredTokenIsNeverSent) {
    start();
    add(with_oauth());
    (void)fire();
    token_answer = respond(503);
    advance(3600s);
    (void)fire();
    EXPECT_EQ(received.size(), 1U);
}

// S-17: a receiver that echoes what it got.
TEST_F(AuthenticatedDeliveryTest, HistoryNeverHoldsACredentialThatWasSent) {
    start();
    add(with_oauth());
    answers = {respond(500, R"({"you sent":"Bearer token-1","again":"token-1"})")};
    const core::CalloutId id = fire_one();
    EXPECT_THAT(attempts(id)[0].response_excerpt, Not(HasSubstr("token-1")));
    EXPECT_THAT(attempts(id)[0].response_excerpt, HasSubstr("********"));
}

// It knows the first token as well when it answers the resend.
TEST_F(AuthenticatedDeliveryTest, HistoryHidesTheTokenThatWasRefusedBeforeTheResend) {
    start();
    add(with_oauth());
    answers = {respond(401), respond(500, "you sent token-1 and then token-2")};
    const core::CalloutId id = fire_one();
    ASSERT_EQ(attempts(id).size(), 2U);
    EXPECT_EQ(attempts(id)[1].response_excerpt, "you sent ******** and then ********");
}

TEST_F(AuthenticatedDeliveryTest, HistoryHidesTokensOfEarlierGenerations) {
    start();
    add(with_oauth());
    (void)fire();
    manager->refresh(provider, [](const core::Result<storage::TokenRecord>&) {});
    settle();
    answers = {respond(500, "yesterday token-1, today token-2")};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(received[1].headers.get("Authorization"), "Bearer token-2");
    EXPECT_EQ(attempts(id)[0].response_excerpt, "yesterday ********, today ********");
}

TEST_F(AuthenticatedDeliveryTest, WhatIsCutShowsNoPartOfACredential) {
    token_answer = respond(
        200, R"({"access_token":"0123456789abcdefghijklmnopqrstuvwxyz","expires_in":3600})");
    start();
    add(with_oauth());
    for (std::size_t before = 480; before < 620; before += 4) {
        const std::string text = std::string(before, '.') + "0123456789abcdefghijklmnopqrstuvwxyz" +
                                 std::string(100, '.');
        http::Headers location;
        location.set("Location", "https://elsewhere.example/\x1b" + text);
        http::Headers challenge;
        challenge.set("WWW-Authenticate",
                      R"(Bearer error="insufficient_scope", scope=")" + text + "\"");
        answers = {respond(302, "", location), respond(401, "", challenge)};
        for (int i = 0; i < 2; ++i) {
            const core::CalloutId id = fire_one();
            const std::string error = attempts(id)[0].error.value_or("");
            EXPECT_EQ(error.find("0123"), std::string::npos) << before;
            EXPECT_EQ(error.find('\x1b'), std::string::npos);
            EXPECT_GE(error.size(), 400U) << "cut, not thrown away";
            EXPECT_LE(error.size(), 610U) << "600, and the mark of the cut";
        }
    }
    answers = {respond(500, std::string(4080, '.') + "0123456789abcdefghijklmnopqrstuvwxyz")};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(attempts(id)[0].response_excerpt, std::string(4080, '.') + "********");
}

TEST_F(AuthenticatedDeliveryTest, HistoryHidesWhatAnOwnHeaderOrTheSigningSecretHolds) {
    start();
    auto record = notification("own");
    record.headers = {{"X-Api-Key", "the-key-of-ours"}, {"X-Plain", "plain-value"}};
    record.url += "?api_key=key-in-the-query";
    record.signing_secret = core::Secret("whsec_" + core::base64_encode(std::string(24, 'k')));
    add(std::move(record));
    answers = {respond(500, "key-in-the-query the-key-of-ours plain-value " + std::string(24, 'k') +
                                " whsec_" + core::base64_encode(std::string(24, 'k')))};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(attempts(id)[0].response_excerpt, "******** ******** plain-value ******** ********");
}

TEST_F(AuthenticatedDeliveryTest, SealedHeadersAndParametersGoOutAndAreMasked) {
    start();
    auto record = notification("sealed");
    record.secret_headers.emplace_back("X-Api-Key", core::Secret("the-sealed-key"));
    record.secret_parameters.emplace_back("sig", core::Secret("a/b+c d"));
    add(std::move(record));
    answers = {respond(500, "the-sealed-key a/b+c d")};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(received[0].headers.get("X-Api-Key"), "the-sealed-key");
    EXPECT_EQ(received[0].url.target, "/sealed?sig=a%2Fb%2Bc%20d");
    EXPECT_TRUE(received[0].carries_credentials);
    EXPECT_EQ(attempts(id)[0].response_excerpt, "******** ********");
}

TEST_F(AuthenticatedDeliveryTest, StaticCredentialsGoOutAndAreMaskedToo) {
    start();
    auto basic = notification("basic");
    basic.auth = storage::BasicAuth{.username = "u", .password = core::Secret("p@ss/word")};
    add(std::move(basic));
    answers = {respond(500, "dTpwQHNzL3dvcmQ= p@ss/word p@ss\\/word p%40ss%2Fword")};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(received[0].headers.get("Authorization"), "Basic dTpwQHNzL3dvcmQ=");
    EXPECT_EQ(attempts(id)[0].response_excerpt, "******** ******** ******** ********");
}

// RFC 6749 appendix A.12: what no header can carry is no token, and nothing is sent with it.
class UnsendableTokenTest : public AuthenticatedDeliveryTest,
                            public ::testing::WithParamInterface<const char*> {};

TEST_P(UnsendableTokenTest, ParksAndSpendsNoAttempt) {
    token_answer = respond(200, "{\"access_token\":\"" + std::string(GetParam()) +
                                    "\",\"token_type\":\"Bearer\",\"expires_in\":60}");
    start();
    add(with_oauth());
    const core::CalloutId id = fire_one();
    EXPECT_EQ(callout(id).state, CalloutState::kPending);
    EXPECT_EQ(callout(id).reason, "auth_unavailable:crm");
    EXPECT_EQ(callout(id).attempts, 0);
    EXPECT_TRUE(attempts(id).empty());
    EXPECT_EQ(store->provider("crm")->last_error->code, "malformed_token_response");
    EXPECT_TRUE(received.empty());
}

INSTANTIATE_TEST_SUITE_P(Bytes, UnsendableTokenTest,
                         ::testing::Values("caf\xC3\xA9", "caf\xE9", "a\\u0080", "a b", "a\\u007f",
                                           "a\\n"));

// A request that the transport refuses to write did not leave.
TEST_F(AuthenticatedDeliveryTest, WhatTheTransportRefusesIsNoAttempt) {
    start();
    add(notification());
    answers = {core::invalid_argument("headers.X-Name", "must be visible ASCII")};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(callout(id).state, CalloutState::kDead);
    EXPECT_EQ(callout(id).reason, "rejected_request:headers.X-Name");
    EXPECT_EQ(callout(id).attempts, 0);
    EXPECT_TRUE(attempts(id).empty());
}

/// A receiver that wants proofs of possession with the nonce of the hour (RFC 9449 section 9).
class ProvenDeliveryTest : public AuthenticatedDeliveryTest {
protected:
    ProvenDeliveryTest() {
        token_answer =
            respond(200, R"({"access_token":"t","token_type":"DPoP","expires_in":86400})");
        receivers.answer_with([this](const http::Request& request) { return judge(request); });
    }
    void add_proven(int window) {
        auto record = with_oauth();
        record.max_in_flight = window;
        ASSERT_TRUE(store->edit_provider("crm", [](auto& edit) {
            edit.record.settings["dpop"] = true;
            return core::Result<>();
        }));
        manager->reload(provider, [](const core::Result<>&) {});
        settle();
        add(std::move(record));
    }
    core::Result<http::Response> judge(const http::Request& request) {
        received.push_back(request);
        http::Headers headers;
        headers.add("DPoP-Nonce", nonce);
        const auto jws = herald::test::read_jws(request.headers.get("DPoP").value_or(".."));
        if (core::string_member(jws.claims, "nonce") == nonce) return respond(200, "", headers);
        ++refused;
        headers.add("WWW-Authenticate", R"(DPoP error="use_dpop_nonce")");
        return respond(401, "", headers);
    }
    void fire_together(int count) {
        receivers.hold();
        for (int i = 0; i < count; ++i) (void)fire();
        receivers.release();
        settle();
    }

    std::string nonce = "n1";
    int refused = 0;
};

// O-140: each of them was refused for the nonce that it carried itself, none for its token.
TEST_F(ProvenDeliveryTest, ABurstThatMeetsItsFirstNonceNeedsNoNewToken) {
    start();
    add_proven(20);
    fire_together(20);
    EXPECT_EQ(store->counts()->notifications.at(0).delivered, 20);
    EXPECT_EQ(token_requests, 1);
    EXPECT_EQ(received.size(), 40U);
}

TEST_F(ProvenDeliveryTest, WhereNoncesChangeOneCalloutLearnsTheNewOneForAll) {
    start();
    add_proven(20);
    for (int round = 2; round <= 7; ++round) {
        fire_together(20);
        nonce = "n" + std::to_string(round);
        advance(4s);
    }
    EXPECT_EQ(store->counts()->notifications.at(0).delivered, 120);
    EXPECT_EQ(token_requests, 1);
    EXPECT_EQ(refused, 20 + 20 + 4) << "the first two bursts as a whole: only then is it known";
}

TEST_F(ProvenDeliveryTest, WhoWaitsForTheNonceDoesNotWaitForASilentReceiver) {
    start();
    add_proven(20);
    for (int round = 2; round <= 3; ++round) {
        fire_together(20);
        nonce = "n" + std::to_string(round);
        advance(4s);
    }
    received.clear();
    receivers.requests.clear();
    receivers.hold();
    for (int i = 0; i < 20; ++i) (void)fire();
    EXPECT_EQ(receivers.requests.size(), 1U);
    advance(1s);
    EXPECT_EQ(receivers.requests.size(), 20U);
    receivers.release();
    settle();
    EXPECT_EQ(token_requests, 1);
}

}  // namespace
}  // namespace herald::dispatcher
