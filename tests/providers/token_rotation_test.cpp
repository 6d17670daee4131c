// Refresh tokens that change with every use (oauth.md 6.9).
#include "tests/providers/token_manager_fixture.h"

namespace herald::providers::test {
namespace {

using ::testing::HasSubstr;

class TokenRotationTest : public TokenManagerFixture {
protected:
    core::ProviderId add_refreshing() {
        storage::ProviderRecord provider = sample_provider();
        provider.grant_type = "refresh_token";
        storage::TokenRecord token;
        token.refresh_token = core::Secret("refresh-0");
        return add(std::move(provider), std::move(token));
    }
    core::Result<http::Response> answer(const http::Request& request) override {
        if (rotate && !next_answer && request.url.target != "/revoke") {
            ++token_requests;
            const std::string number = std::to_string(++issued);
            return respond(200, R"({"access_token":"token-)" + number +
                                    R"(","expires_in":3600,"refresh_token":"refresh-)" + number +
                                    "\"}");
        }
        return TokenManagerFixture::answer(request);
    }
    std::string stored_refresh_token() {
        const auto record = store->provider("crm").value();
        return std::string(store->token(record.id).value()->refresh_token->reveal());
    }
    bool rotate = true;
};

// O-110, O-117, O-118.
TEST_F(TokenRotationTest, PresentsTheNewestRefreshTokenEachTime) {
    const auto id = add_refreshing();
    start();
    obtain(id);
    EXPECT_THAT(transport.requests[0].body, HasSubstr("refresh_token=refresh-0"));
    EXPECT_EQ(stored_refresh_token(), "refresh-1");
    obtain(id);
    EXPECT_THAT(transport.requests[1].body, HasSubstr("refresh_token=refresh-1"));
    restart();
    obtain(id);
    EXPECT_THAT(transport.requests[2].body, HasSubstr("refresh_token=refresh-2"));
}

TEST_F(TokenRotationTest, AnAnswerWithoutARefreshTokenKeepsTheOldOne) {
    rotate = false;
    const auto id = add_refreshing();
    start();
    obtain(id);
    EXPECT_EQ(stored_refresh_token(), "refresh-0");
}

// O-121, O-122.
TEST_F(TokenRotationTest, ADeadRefreshTokenNeedsAPersonAndIsKept) {
    const auto id = add_refreshing();
    start();
    next_answer = respond(400, R"({"error":"invalid_grant"})");
    obtain(id);
    EXPECT_EQ(state(), "needs_setup");
    EXPECT_EQ(stored_refresh_token(), "refresh-0");
    EXPECT_EQ(ask(id)->error_class(), "needs_setup");
    advance(24h);
    EXPECT_EQ(token_requests, 1) << "never a loop";
}

// O-123.
TEST_F(TokenRotationTest, ALostAnswerIsAskedForExactlyOnceMore) {
    const auto id = add_refreshing();
    start();
    next_answer = transport_failure("http", true);
    obtain(id);
    EXPECT_EQ(token_requests, 2);
    EXPECT_EQ(transport.requests[0].body, transport.requests[1].body);
    EXPECT_EQ(state(), "failing");
}

TEST_F(TokenRotationTest, ARequestThatNeverLeftIsNotRepeated) {
    const auto id = add_refreshing();
    start();
    next_answer = transport_failure("connect", false);
    obtain(id);
    EXPECT_EQ(token_requests, 1);
}

// O-119: the process died between sending and storing; the server has rotated and refuses the old
// one.
TEST_F(TokenRotationTest, ARotationCutOffByACrashIsTriedOnceAndThenNamed) {
    const auto id = add_refreshing();
    start();
    transport.hold();
    obtain(id);
    EXPECT_EQ(transport.requests.size(), 1U);
    restart();  // the held answer is never seen by the new process
    next_answer = respond(400, R"({"error":"invalid_grant"})");
    transport.release();
    settle();
    transport.requests.clear();
    obtain(id);
    EXPECT_EQ(state(), "needs_setup");
    EXPECT_THAT(store->provider("crm")->last_error->description, HasSubstr("rotation lost"));
}

// O-83: a session that nobody uses is over after half an hour (Keycloak).
TEST_F(TokenRotationTest, AnIdleGrantIsRefreshedBeforeItEnds) {
    const auto id = add_refreshing();
    start();
    next_answer = respond(200, R"({"access_token":"t","expires_in":300,"refresh_token":"r",)"
                               R"("refresh_expires_in":1800})");
    obtain(id);
    EXPECT_EQ(store->token(id).value()->grant_ends_at, clock.stored_now() + 1800s);
    advance(1400s);
    EXPECT_EQ(token_requests, 1);
    advance(135s);
    EXPECT_EQ(token_requests, 2) << "some five minutes ahead";
    restart();
    advance(1400s);
    EXPECT_EQ(token_requests, 2);
    advance(135s);
    EXPECT_EQ(token_requests, 3) << "also after a restart";
    for (int half_hour = 0; half_hour < 48; ++half_hour) advance(30min);
    EXPECT_LE(token_requests, 3 + 48 * 2);
    EXPECT_GE(token_requests, 3 + 40);
}

// Asking more and more often does not make a session longer than its server allows.
TEST_F(TokenRotationTest, AGrantWhoseEndDoesNotMoveIsLeftToIt) {
    const auto id = add_refreshing();
    start();
    const core::SystemTime ends_at = clock.system_now() + 1h;
    rotate = false;
    const auto answer_in = [&](std::chrono::seconds time) {
        const auto left =
            std::chrono::duration_cast<std::chrono::seconds>(ends_at - clock.system_now() - time);
        next_answer = respond(200, R"({"access_token":"t","expires_in":60,"refresh_token":"r",)"
                                   R"("refresh_expires_in":)" +
                                       std::to_string(left.count()) + "}");
    };
    answer_in(0s);
    obtain(id);
    for (int minute = 0; minute < 59; ++minute) {
        answer_in(60s);
        advance(1min);
    }
    EXPECT_EQ(token_requests, 2) << "one more, which told that it is of no use";
}

TEST_F(TokenRotationTest, AnIdleGrantWithoutAToldEndIsRefreshedDaily) {
    const auto id = add_refreshing();
    start();
    obtain(id);
    advance(22h);
    EXPECT_EQ(token_requests, 1);
    advance(4h);
    EXPECT_EQ(token_requests, 2);
}

TEST_F(TokenRotationTest, AnIdleGrantIsLeftAloneWherePeopleWantThat) {
    storage::ProviderRecord provider = sample_provider();
    provider.grant_type = "refresh_token";
    provider.settings["grant_refresh_s"] = 0;
    storage::TokenRecord token;
    token.refresh_token = core::Secret("refresh-0");
    const auto id = add(std::move(provider), std::move(token));
    start();
    obtain(id);
    advance(24h * 30);
    EXPECT_EQ(token_requests, 1);
}

// O-132: the refresh token first, then the access token.
TEST_F(TokenRotationTest, RevokesTheRefreshTokenFirst) {
    storage::ProviderRecord provider = sample_provider();
    provider.grant_type = "refresh_token";
    provider.revocation_endpoint = "https://login.example/revoke";
    storage::TokenRecord token;
    token.refresh_token = core::Secret("refresh-0");
    const auto id = add(std::move(provider), std::move(token));
    start();
    obtain(id);
    transport.requests.clear();
    revoke(id);
    ASSERT_EQ(transport.requests.size(), 2U);
    EXPECT_THAT(transport.requests[0].body,
                HasSubstr("token=refresh-1&token_type_hint=refresh_token"));
    EXPECT_THAT(transport.requests[1].body,
                HasSubstr("token=token-1&token_type_hint=access_token"));
}

}  // namespace
}  // namespace herald::providers::test
