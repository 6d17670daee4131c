// One token per provider, one request per token (oauth.md 6.5).
#include "tests/providers/token_manager_fixture.h"

namespace herald::providers::test {
namespace {

using TokenManagerTest = TokenManagerFixture;

// T-01, O-71.
TEST_F(TokenManagerTest, AThousandCallersOnAColdTokenCauseOneRequest) {
    const auto id = add(sample_provider());
    start();
    transport.hold();
    std::vector<std::shared_ptr<Caller>> callers;
    for (int i = 0; i < 1000; ++i) callers.push_back(ask(id));
    EXPECT_EQ(transport.requests.size(), 1U);
    transport.release();
    settle();
    for (const auto& caller : callers) EXPECT_EQ(caller->token(), "token-1");
    EXPECT_EQ(token_requests, 1);
    EXPECT_EQ(manager->reader(id).read(clock.steady_now())->generation, 1);
}

// O-72: no serial stampede behind a failure.
TEST_F(TokenManagerTest, AFailureIsSharedByAllWhoWait) {
    const auto id = add(sample_provider());
    start();
    transport.hold();
    std::vector<std::shared_ptr<Caller>> callers;
    for (int i = 0; i < 1000; ++i) callers.push_back(ask(id));
    next_answer = respond(503);
    transport.release();
    settle();
    for (const auto& caller : callers) {
        EXPECT_EQ(caller->error(), "auth_unavailable");
        EXPECT_EQ(caller->error_class(), "http");
    }
    EXPECT_EQ(token_requests, 1);
    EXPECT_EQ(state(), "failing");
}

// O-73.
TEST_F(TokenManagerTest, ACallerLeavesAtItsDeadlineAndTheFlightGoesOn) {
    const auto id = add(sample_provider());
    start();
    transport.hold();
    const auto hasty = ask(id, 2s);
    const auto patient = ask(id, 20s);
    advance(1999ms);
    EXPECT_TRUE(hasty->waiting());
    advance(1ms);
    EXPECT_EQ(hasty->error_class(), "timeout");
    EXPECT_TRUE(patient->waiting());
    transport.release();
    settle();
    EXPECT_EQ(patient->token(), "token-1");
    EXPECT_EQ(token_requests, 1);
}

// O-75, O-83.
TEST_F(TokenManagerTest, RefreshesAheadWhatIsUsedAndLeavesTheIdleAlone) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    TokenReader reader = manager->reader(id);
    (void)reader.read(clock.steady_now());
    advance(3400s);
    EXPECT_EQ(token_requests, 2) << "used: refreshed before its end";
    EXPECT_EQ(reader.read(clock.steady_now())->generation, 2);

    clock.advance(1s);
    TokenReader unread = manager->reader(id);
    advance(2h);
    const int after_use = token_requests;
    advance(10h);
    EXPECT_EQ(token_requests, after_use) << "idle: nothing is asked";
}

TEST_F(TokenManagerTest, AUsePastTheSoftExpiryStartsOneRefreshInTheBackground) {
    const auto id = add(sample_provider());
    start();
    obtain(id);
    advance(3400s);
    EXPECT_EQ(token_requests, 1);
    TokenReader one = manager->reader(id);
    TokenReader two = manager->reader(id);
    EXPECT_EQ(one.read(clock.steady_now())->generation, 1) << "served without waiting";
    EXPECT_EQ(two.read(clock.steady_now())->generation, 1);
    settle();
    EXPECT_EQ(token_requests, 2);
    EXPECT_EQ(one.read(clock.steady_now())->generation, 2);
}

// O-78, O-79.
TEST_F(TokenManagerTest, ServesTheOldTokenWhileItsRefreshFailsButNeverPastItsEnd) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    TokenReader reader = manager->reader(id);
    (void)reader.read(clock.steady_now());
    next_answer = respond(503);
    advance(3400s);
    EXPECT_GE(token_requests, 2);
    EXPECT_NE(reader.read(clock.steady_now()), nullptr);
    EXPECT_EQ(state(), "authorized");
    EXPECT_TRUE(store->provider("crm")->last_error.has_value());
    const int tries = token_requests;
    advance(60s);
    EXPECT_GT(token_requests, tries) << "tries go on until the end, not once";
    advance(150s);
    EXPECT_EQ(reader.read(clock.steady_now()), nullptr);
    EXPECT_EQ(ask(id)->error(), "auth_unavailable");
}

// O-77.
TEST_F(TokenManagerTest, AFiveSecondTokenCausesAtMostARequestEveryFourSeconds) {
    lifetime = 5;
    const auto id = add(sample_provider());
    start();
    TokenReader reader = manager->reader(id);
    for (int tenth = 0; tenth < 600; ++tenth) {
        if (reader.read(clock.steady_now()) == nullptr) ask(id);
        advance(100ms);
    }
    EXPECT_LE(token_requests, 60 / 3);
    EXPECT_GE(token_requests, 60 / 5);
}

// O-57, E-22.
TEST_F(TokenManagerTest, ATokenThatIsExpiredOnArrivalServesThoseWhoWaitedAndIsDropped) {
    lifetime = 0;
    const auto id = add(sample_provider());
    start();
    transport.hold();
    const auto first = ask(id);
    const auto second = ask(id);
    transport.release();
    settle();
    EXPECT_EQ(first->token(), "token-1");
    EXPECT_EQ(second->token(), "token-1");
    EXPECT_EQ(state(), "no_token");
    for (int i = 0; i < 50; ++i) {
        ask(id);
        advance(100ms);
    }
    EXPECT_LE(token_requests, 1 + 6) << "spaced a second apart, no loop";
    const auto by_person = obtain(id);
    ASSERT_TRUE(by_person->has_value());
    EXPECT_TRUE(**by_person) << "obtain still succeeds";
}

// O-81, O-150.
TEST_F(TokenManagerTest, ARestartWithAValidTokenAsksForNothing) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    advance(10min);
    restart();
    TokenReader reader = manager->reader(id);
    ASSERT_NE(reader.read(clock.steady_now()), nullptr);
    EXPECT_EQ(reader.read(clock.steady_now())->value.reveal(), "token-1");
    advance(1s);
    EXPECT_EQ(token_requests, 1);
    advance(46min);
    EXPECT_EQ(token_requests, 2) << "and refreshes it when its time has come";
}

TEST_F(TokenManagerTest, AStoredTokenKeepsItsAgeWhateverTheWallClockSaysAfterARestart) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    for (const std::chrono::minutes jump : {-2min, 2880min, -4320min}) {
        clock.set_system_time(clock.system_now() + jump);
        restart();
        EXPECT_EQ(ask(id)->token(), "token-1");
    }
    clock.set_system_time(clock.system_now() - 24h);
    advance(1h);
    restart();
    EXPECT_EQ(manager->reader(id).read(clock.steady_now()), nullptr) << "expired by the boot clock";
    EXPECT_EQ(ask(id)->token(), "token-2");
}

// O-80: an hour's jump of the wall clock neither sends an expired token nor refreshes in a storm.
TEST_F(TokenManagerTest, AJumpOfTheWallClockChangesNothing) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    TokenReader reader = manager->reader(id);
    for (const auto jump : {-60min, 120min, -60min}) {
        clock.set_system_time(clock.system_now() + jump);
        advance(1min);
        EXPECT_NE(reader.read(clock.steady_now()), nullptr);
    }
    EXPECT_EQ(token_requests, 1);
}

TEST_F(TokenManagerTest, AProviderThatIsDisabledGivesAndAsksNothing) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    TokenReader reader = manager->reader(id);
    edit(id, [](auto& change) { change.record.enabled = false; });
    EXPECT_EQ(reader.read(clock.steady_now()), nullptr);
    EXPECT_EQ(ask(id)->error_class(), "disabled");
    const auto refused = obtain(id);
    EXPECT_EQ((*refused)->error().code, "provider_disabled");
    advance(2h);
    EXPECT_EQ(token_requests, 1);
}

TEST_F(TokenManagerTest, EnablingAgainUsesTheTokenThatIsStillValid) {
    const auto id = add(sample_provider());
    start();
    ask(id);
    edit(id, [](auto& change) { change.record.enabled = false; });
    recoveries = 0;
    edit(id, [](auto& change) { change.record.enabled = true; });
    EXPECT_EQ(recoveries, 1) << "parked callouts are woken";
    EXPECT_EQ(ask(id)->token(), "token-1");
    EXPECT_EQ(token_requests, 1);
}

// T-10, O-13: a changed configuration never uses the old one's token, also when it arrives late.
TEST_F(TokenManagerTest, ATokenOfTheFormerConfigurationIsNotInstalled) {
    const auto id = add(sample_provider());
    start();
    transport.hold();
    const auto caller = ask(id);
    edit(id, [](auto& change) {
        change.record.client_id = "client-2";
        change.drop_token = true;
    });
    transport.release();
    settle();
    advance(1s);
    EXPECT_EQ(caller->token(), "token-2") << "asked again with the new configuration";
    EXPECT_THAT(transport.requests.back().body, ::testing::HasSubstr("client-2"));
    EXPECT_EQ(token_requests, 2);
}

TEST_F(TokenManagerTest, ADeletedProviderFailsThoseWhoWait) {
    const auto id = add(sample_provider());
    start();
    transport.hold();
    const auto caller = ask(id);
    ASSERT_TRUE(store->delete_provider("crm"));
    reload(id);
    EXPECT_EQ(caller->error_class(), "deleted");
    transport.release();
    settle();
    EXPECT_EQ(ask(id)->error(), "not_found");
}

TEST_F(TokenManagerTest, ManyManualOperationsShareOneFlight) {
    const auto id = add(sample_provider());
    start();
    transport.hold();
    const auto first = obtain(id);
    const auto second =
        by_hand<storage::TokenRecord>([&](auto done) { manager->refresh(id, std::move(done)); });
    EXPECT_EQ(transport.requests.size(), 1U);
    transport.release();
    settle();
    EXPECT_EQ((*first)->value().generation, 1);
    EXPECT_EQ((*second)->value().generation, 1);
    const auto third = obtain(id);
    EXPECT_EQ((*third)->value().generation, 2) << "a later one replaces the token";
}

}  // namespace
}  // namespace herald::providers::test
