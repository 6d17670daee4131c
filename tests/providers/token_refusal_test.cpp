// What a refusal by a receiver or by the authorization server leads to (oauth.md 6.6, 6.7).
#include "tests/providers/token_manager_fixture.h"

namespace herald::providers::test {
namespace {

using TokenRefusalTest = TokenManagerFixture;

// O-87.
TEST_F(TokenRefusalTest, AThousandRefusalsOfOneGenerationCauseOneRequest) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    transport.hold();
    std::vector<std::shared_ptr<Caller>> callers;
    for (int i = 0; i < 1000; ++i) callers.push_back(refuse(id, 1));
    transport.release();
    settle();
    for (const auto& caller : callers) EXPECT_EQ(caller->token(), "token-2");
    EXPECT_EQ(token_requests, 2);
    EXPECT_EQ(manager->metrics(id).forced_refreshes, 1);
}

// O-88.
TEST_F(TokenRefusalTest, AnOlderGenerationGetsTheCurrentTokenWithoutARequest) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    obtain(id);
    EXPECT_EQ(refuse(id, 1)->token(), "token-2");
    EXPECT_EQ(token_requests, 2);
}

// O-89, T-03: a receiver that says 401 for ever.
TEST_F(TokenRefusalTest, ForcedRefreshesAreLimitedAndChangeNoState) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    for (int second = 0; second < 600; ++second) {
        const std::int64_t current = manager->reader(id).read(clock.steady_now())->generation;
        const auto caller = refuse(id, current);
        EXPECT_THAT(caller->error(), ::testing::AnyOf("(none)", "auth_refresh_suppressed"));
        advance(1s);
    }
    EXPECT_EQ(token_requests, 1 + 5);
    EXPECT_EQ(state(), "authorized");
    EXPECT_NE(ask(id)->token(), "(none)") << "others are served all the while";
}

TEST_F(TokenRefusalTest, ForcedRefreshesAreHalfAMinuteApart) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    EXPECT_EQ(refuse(id, 1)->token(), "token-2");
    advance(1s);
    EXPECT_EQ(refuse(id, 2)->error(), "auth_refresh_suppressed");
    advance(28'999ms);
    EXPECT_EQ(refuse(id, 2)->error(), "auth_refresh_suppressed");
    EXPECT_EQ(token_requests, 2);
    advance(1ms);
    EXPECT_EQ(refuse(id, 2)->token(), "token-3");
}

TEST_F(TokenRefusalTest, TheSixthForcedRefreshWaitsUntilTheFirstIsTenMinutesOld) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    for (int generation = 1; generation <= 5; ++generation) {
        EXPECT_NE(refuse(id, generation)->token(), "(none)");
        advance(31s);
    }
    EXPECT_EQ(refuse(id, 6)->error(), "auth_refresh_suppressed");
    advance(10min - 5 * 31s - 1ms);
    EXPECT_EQ(refuse(id, 6)->error(), "auth_refresh_suppressed");
    advance(1ms);
    EXPECT_EQ(refuse(id, 6)->token(), "token-7");
}

// O-97, O-98, T-05.
TEST_F(TokenRefusalTest, AnInvalidClientIsNotAskedAgainForAQuarterOfAnHour) {
    const auto id = add(sample_provider());
    start();
    next_answer = respond(401, R"({"error":"invalid_client"})");
    ask(id);
    EXPECT_EQ(state(), "rejected");
    for (int minute = 0; minute < 14; ++minute) {
        EXPECT_EQ(ask(id)->error_class(), "rejected");
        advance(1min);
    }
    EXPECT_EQ(token_requests, 1);
    obtain(id);
    EXPECT_EQ(token_requests, 2) << "a person may always ask";
}

TEST_F(TokenRefusalTest, ANewSecretIsTriedAtOnceAndWakesWhatIsParked) {
    const auto id = add(sample_provider());
    start();
    next_answer = respond(401, R"({"error":"invalid_client"})");
    ask(id);
    next_answer.reset();
    recoveries = 0;
    edit(id, [](auto& change) {
        change.record.client_secret = core::Secret("right");
        change.drop_token = true;
    });
    EXPECT_GE(recoveries, 1);
    EXPECT_EQ(ask(id)->token(), "token-1");
    EXPECT_EQ(state(), "authorized");
}

TEST_F(TokenRefusalTest, ARefusalIsRememberedAcrossARestart) {
    const auto id = add(sample_provider());
    start();
    next_answer = respond(401, R"({"error":"invalid_client"})");
    ask(id);
    restart();
    EXPECT_EQ(ask(id)->error_class(), "rejected");
    EXPECT_EQ(token_requests, 1);
}

// O-105.
TEST_F(TokenRefusalTest, AnUnknownRefusalIsPermanentOnlyAfterThreeAlike) {
    const auto id = add(sample_provider());
    start();
    next_answer = respond(400, R"({"error":"strange"})");
    obtain(id);
    EXPECT_EQ(state(), "failing");
    obtain(id);
    EXPECT_EQ(state(), "failing");
    obtain(id);
    EXPECT_EQ(state(), "rejected");
}

// O-99, O-100, T-04: one probe at a time, and recovery resumes what was parked.
TEST_F(TokenRefusalTest, AnOutageIsProbedWithBackOffAndItsEndWakesWhatIsParked) {
    const auto id = add(sample_provider());
    start();
    http::Headers headers;
    headers.set("Retry-After", "120");
    next_answer = respond(503, "", headers);
    EXPECT_EQ(ask(id)->error(), "auth_unavailable");
    advance(119s);
    EXPECT_EQ(ask(id)->error(), "auth_unavailable");
    EXPECT_EQ(token_requests, 1);
    next_answer.reset();
    recoveries = 0;
    advance(2s);
    EXPECT_EQ(token_requests, 2) << "parked callouts wait for it, so it is probed";
    EXPECT_EQ(recoveries, 1);
    EXPECT_EQ(ask(id)->token(), "token-1");
}

TEST_F(TokenRefusalTest, WithoutAnybodyWaitingAnOutageIsNotProbed) {
    const auto id = add(sample_provider());
    start();
    next_answer = respond(503);
    obtain(id);
    advance(10h);
    EXPECT_EQ(token_requests, 1);
}

// O-103.
TEST_F(TokenRefusalTest, ThrottlingDoesNotTakeAwayAValidToken) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    next_answer = respond(429);
    obtain(id);
    EXPECT_EQ(ask(id)->token(), "token-1");
    EXPECT_EQ(state(), "authorized");
}

// O-106.
TEST_F(TokenRefusalTest, TransportFailuresKeepTheirClass) {
    const auto id = add(sample_provider());
    start();
    for (const char* code : {"dns", "connect", "tls", "timeout"}) {
        next_answer = transport_failure(code, false);
        const auto failed = obtain(id);
        EXPECT_EQ((*failed)->error().code, "token_endpoint_unreachable");
        EXPECT_EQ(store->provider("crm")->last_error->error_class, code);
    }
}

// Limits are the server's, also where its endpoints are not known yet.
TEST_F(TokenRefusalTest, IssuersThatAreNotKnownYetAreCountedEachForItself) {
    const auto undiscovered = [](const std::string& name) {
        storage::ProviderRecord provider = sample_provider();
        provider.name = name;
        provider.token_endpoint.clear();
        provider.issuer = "https://" + name + ".example";
        provider.settings["token_requests_per_minute"] = 1;
        return provider;
    };
    const auto one = add(undiscovered("one"));
    const auto two = add(undiscovered("two"));
    start();
    next_answer = respond(503);
    ask(one);
    const std::size_t asked = transport.requests.size();
    EXPECT_GT(asked, 0U);
    ask(two);
    ASSERT_GT(transport.requests.size(), asked);
    EXPECT_EQ(transport.requests.back().url.host, "two.example");
}

}  // namespace
}  // namespace herald::providers::test
