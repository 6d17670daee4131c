// Lanes that are held by a person or by a provider without a token, and how they go on.
#include "dispatcher/ramp.h"
#include "tests/dispatcher/lane_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using herald::test::Receiver;
using herald::test::respond;
using storage::CalloutState;

class LanesHoldTest : public herald::test::LaneFixture {
protected:
    void pause(bool paused) {
        edit("crm", [paused](auto& change) { change.paused = paused; });
    }
    void enable(bool enabled) {
        edit("crm", [enabled](auto& change) { change.enabled = enabled; });
    }
    /// Since `forget`: no more at once than the ramp allows, and at last the whole window.
    static void expect_ramp(const Receiver& receiver, int window) {
        for (const auto& arrival : receiver.arrivals)
            ASSERT_LE(arrival.at_once, Ramp::kFirst + static_cast<int>(arrival.answered));
        EXPECT_EQ(receiver.most_at_once, window);
    }
    storage::NotificationRecord with_oauth(const std::string& name) {
        auto record = lane(name);
        record.auth = add_provider();
        return record;
    }
    core::Result<http::Response> give_token(const http::Request& request) override {
        if (!token_answer) token_given_at = clock.steady_now();
        return DispatcherFixture::give_token(request);
    }

    core::SteadyTime token_given_at{};
};

TEST_F(LanesHoldTest, PausingGivesBackWhatWaitsAndLetsWhatIsUnderWayEnd) {
    start();
    add(lane("crm"));
    Receiver& receiver = network["crm"];
    receiver.takes = 1s;
    const auto ids = store_backlog("crm", 500);
    ASSERT_EQ(receiver.running, 64);
    pause(true);
    EXPECT_EQ(counts("crm").in_flight, 64) << "only what is on the wire";
    EXPECT_EQ(untouched(ids, "paused"), 4 * 64) << "what waited in memory says why it waits";
    EXPECT_EQ(snapshot("crm").state, "paused");
    (void)fire_at("crm");
    run(1h);
    EXPECT_EQ(receiver.arrivals.size(), 64U);
    EXPECT_EQ(counts("crm").delivered, 64);
    EXPECT_EQ(counts("crm").pending, 437);
}

// Who deletes a notification waits for what is under way, and is told when it is cut off too.
TEST_F(LanesHoldTest, WhoeverWaitsForALaneToDrainIsToldOnce) {
    start();
    const auto id = add_lane(lane("crm"));
    network["crm"].takes = 1h;
    (void)fire_at("crm");
    std::vector<std::string> told;
    scheduler->drain_lane(id, [&] { told.emplace_back("of the lane"); });
    scheduler->drain_lane(core::NotificationId(), [&] { told.emplace_back("no such lane"); });
    settle();
    EXPECT_EQ(told, std::vector<std::string>{"no such lane"});
    scheduler->stop(0ms);
    EXPECT_EQ(told.size(), 2U);
    scheduler->drain_lane(id, [&] { told.emplace_back("after the end"); });
    EXPECT_EQ(told.size(), 3U);
    run(2h);
    EXPECT_EQ(told.size(), 3U);
}

TEST_F(LanesHoldTest, ResumingDrainsWithARamp) {
    start();
    auto record = lane("crm");
    record.paused = true;
    add(std::move(record));
    network["crm"].takes = 100ms;
    store_backlog("crm", 1000);
    run(1h);
    ASSERT_TRUE(network["crm"].arrivals.empty());
    pause(false);
    EXPECT_EQ(network["crm"].running, Ramp::kFirst);
    run(10s);
    expect_ramp(network["crm"], 64);
    EXPECT_EQ(counts("crm").delivered, 1000);
}

TEST_F(LanesHoldTest, DisablingHoldsWhatIsThereAndEnablingDrainsWithARamp) {
    start();
    add(lane("crm"));
    network["crm"].takes = 1s;
    const auto ids = store_backlog("crm", 500);
    enable(false);
    EXPECT_EQ(untouched(ids, "disabled"), 4 * 64);
    EXPECT_EQ(snapshot("crm").state, "disabled");
    run(1h);
    EXPECT_EQ(counts("crm").delivered, 64);
    network["crm"].takes = 100ms;
    network["crm"].forget();
    enable(true);
    EXPECT_EQ(network["crm"].running, Ramp::kFirst);
    run(10s);
    expect_ramp(network["crm"], 64);
    EXPECT_EQ(counts("crm").delivered, 500);
}

TEST_F(LanesHoldTest, PausingAndResumingManyTimesLosesNothingAndSendsNothingTwice) {
    start();
    add(lane("crm"));
    network["crm"].takes = 70ms;
    store_backlog("crm", 300);
    for (int i = 0; i < 50; ++i) {
        pause(i % 2 == 0);
        (void)fire_at("crm");
        run(30ms);
    }
    pause(false);
    run(1min);
    EXPECT_EQ(counts("crm").delivered, 350);
    EXPECT_EQ(network["crm"].arrivals.size(), 350U);
}

TEST_F(LanesHoldTest, AnotherMaxInFlightTakesEffectWhileRunning) {
    start();
    auto record = lane("crm");
    record.max_in_flight = 2;
    add(std::move(record));
    Receiver& receiver = network["crm"];
    receiver.takes = 1s;
    store_backlog("crm", 500);
    ASSERT_EQ(receiver.running, 2);
    edit("crm", [](auto& change) { change.max_in_flight = 40; });
    EXPECT_EQ(receiver.running, 40) << "at once";
    edit("crm", [](auto& change) { change.max_in_flight = 3; });
    run(1500ms);
    EXPECT_EQ(receiver.running, 3) << "as soon as those under way have ended";
}

TEST_F(LanesHoldTest, AnotherRateTakesEffectWhileRunning) {
    start();
    auto record = lane("crm");
    record.rate_per_s = 10;
    add(std::move(record));
    Receiver& receiver = network["crm"];
    store_backlog("crm", 1000);
    run(2s);
    EXPECT_LE(receiver.arrivals.size(), 22U);
    edit("crm", [](auto& change) { change.rate_per_s = 100; });
    receiver.forget();
    run(2s);
    EXPECT_GE(receiver.arrivals.size(), 190U);
    EXPECT_LE(receiver.arrivals.size(), 210U);
    edit("crm", [](auto& change) { change.rate_per_s = std::nullopt; });
    settle();
    EXPECT_EQ(counts("crm").delivered, 1000);
}

TEST_F(LanesHoldTest, AnotherBreakerTakesEffectWhileRunning) {
    start();
    add(lane("crm"));
    Receiver& receiver = network["crm"];
    receiver.takes = 100ms;
    receiver.always(503);
    store_backlog("crm", 1000);
    run(1s);
    ASSERT_EQ(snapshot("crm").state, "breaker_open");
    receiver.forget();
    edit("crm", [](auto& change) { change.breaker.enabled = false; });
    EXPECT_EQ(snapshot("crm").state, "open");
    EXPECT_EQ(receiver.running, Ramp::kFirst) << "at once, and not all at once";
    run(1s);
    EXPECT_GE(receiver.arrivals.size(), 80U);
    edit("crm", [](auto& change) { change.breaker = {.min_attempts = 5}; });
    run(1s);
    EXPECT_EQ(snapshot("crm").state, "breaker_open");
}

// T-04, O-108.
TEST_F(LanesHoldTest, AProviderWithoutATokenParksWithoutAnAttemptAndResumesWithARamp) {
    start();
    add(with_oauth("crm"));
    Receiver& receiver = network["crm"];
    receiver.takes = 100ms;
    token_answer = respond(503);
    const auto ids = store_backlog("crm", 1000);
    const core::CalloutId fresh = fire_at("crm");
    run(1h);
    EXPECT_TRUE(receiver.arrivals.empty());
    EXPECT_GT(untouched(ids, "auth_unavailable:crm"), 0);
    EXPECT_TRUE(
        std::ranges::all_of(ids, [&](const auto& id) { return callout(id).attempts == 0; }));
    EXPECT_EQ(snapshot("crm").held_by, "auth_unavailable:crm");
    EXPECT_EQ(counts("crm").in_flight, 0);
    EXPECT_EQ(counts("crm").pending, 1001);
    EXPECT_EQ(callout(fresh).attempts, 0);

    const int while_down = token_requests;
    token_answer.reset();
    for (int tenth = 0; tenth < 36'000 && receiver.arrivals.empty(); ++tenth) run(100ms);
    ASSERT_FALSE(receiver.arrivals.empty());
    EXPECT_LE(receiver.arrivals.front().at - token_given_at, 1s);
    run(1min);
    EXPECT_EQ(token_requests, while_down + 1) << "one request for all of them";
    expect_ramp(receiver, 64);
    EXPECT_EQ(counts("crm").delivered, 1001);
    EXPECT_EQ(snapshot("crm").held_by, std::nullopt);
    EXPECT_EQ(callout(ids.front()).attempts, 1);
}

// No error ever came: a token that takes longer than a callout waits must still wake the lane.
TEST_F(LanesHoldTest, ATokenThatComesAfterTheCalloutsStoppedWaitingResumesThem) {
    start();
    add(with_oauth("crm"));
    token_server.hold();
    const core::CalloutId id = fire_at("crm");
    run(31s);
    EXPECT_EQ(callout(id).reason, "auth_unavailable:crm");
    token_server.release();
    run(1s);
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
}

TEST_F(LanesHoldTest, AParkedLaneThatIsPausedMeanwhileStaysHeldAfterTheRecovery) {
    start();
    add(with_oauth("crm"));
    token_answer = respond(503);
    const core::CalloutId id = fire_at("crm");
    pause(true);
    token_answer.reset();
    run(1h);
    EXPECT_TRUE(network["crm"].arrivals.empty());
    EXPECT_EQ(callout(id).state, CalloutState::kPending);
    pause(false);
    run(1s);
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
}

}  // namespace
}  // namespace herald::dispatcher
