// The rate of a lane on virtual time: never above it, and reached.
#include "tests/dispatcher/lane_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using herald::test::Receiver;
using herald::test::respond;

class LanesRateTest : public herald::test::LaneFixture {
protected:
    void add_rated(const std::string& name, double rate) {
        auto record = lane(name);
        record.rate_per_s = rate;
        network[name].takes = 20ms;
        add(std::move(record));
    }
    /// The most that arrived within any second.
    static std::size_t most_in_a_second(const Receiver& receiver) {
        const auto& arrivals = receiver.arrivals;
        std::size_t most = 0;
        std::size_t first = 0;
        for (std::size_t last = 0; last < arrivals.size(); ++last) {
            while (arrivals[last].at - arrivals[first].at >= 1s) ++first;
            most = std::max(most, last - first + 1);
        }
        return most;
    }
    /// The bucket may hold a tenth of a second's worth when the second begins.
    static std::size_t bound(double rate) {
        return static_cast<std::size_t>(rate + std::max(1.0, rate / 10));
    }
};

TEST_F(LanesRateTest, ABacklogLeavesAtTheRate) {
    start();
    for (const double rate : {0.5, 3.0, 20.0, 500.0}) {
        const std::string name = "rate" + std::to_string(static_cast<int>(rate * 10));
        add_rated(name, rate);
        store_backlog(name, static_cast<int>(rate * 10) + 200);
        run(10s);
        EXPECT_LE(most_in_a_second(network[name]), bound(rate)) << rate;
        EXPECT_NEAR(static_cast<double>(network[name].arrivals.size()), rate * 10, rate * 0.2 + 1)
            << rate;
    }
}

TEST_F(LanesRateTest, EventsThatEnterDirectlyLeaveAtTheRate) {
    start();
    add_rated("crm", 20);
    for (int i = 0; i < 100; ++i) {
        for (int n = 0; n < 5; ++n) (void)fire_at("crm");
        run(100ms);
    }
    EXPECT_LE(most_in_a_second(network["crm"]), bound(20));
    EXPECT_NEAR(static_cast<double>(network["crm"].arrivals.size()), 200, 5);
    run(20s);
    EXPECT_EQ(counts("crm").delivered, 500) << "the rest follows";
    EXPECT_LE(most_in_a_second(network["crm"]), bound(20));
}

TEST_F(LanesRateTest, AnIdleHourSavesUpNoMoreThanATenthOfASecond) {
    start();
    add_rated("crm", 100);
    (void)fire_at("crm");
    run(1h);
    network["crm"].forget();
    store_backlog("crm", 200);
    EXPECT_EQ(network["crm"].arrivals.size(), 10U);
}

TEST_F(LanesRateTest, WhatWaitsForTheRateSpendsNoAttempt) {
    start();
    add_rated("crm", 1);
    const auto ids = store_backlog("crm", 20);
    run(5s);
    int spent = 0;
    for (const auto& id : ids) spent += callout(id).attempts;
    EXPECT_EQ(spent, static_cast<int>(network["crm"].answered));
}

TEST_F(LanesRateTest, WhatWaitedForATokenLeavesAtTheRate) {
    start();
    auto record = lane("crm");
    record.rate_per_s = 20;
    record.auth = add_provider();
    network["crm"].takes = 20ms;
    add(std::move(record));
    token_server.hold();
    const auto ids = store_backlog("crm", 200);
    run(3s);
    token_server.release();
    run(12s);
    EXPECT_LE(most_in_a_second(network["crm"]), bound(20));
    EXPECT_EQ(counts("crm").delivered, 200);
    for (const auto& id : ids) EXPECT_EQ(callout(id).attempts, 1);
}

// The token that a callout waited for is at its end when the next one may leave.
TEST_F(LanesRateTest, TokensThatLiveShorterThanAPermitTakesHoldNobodyUp) {
    start();
    auto record = lane("crm");
    record.rate_per_s = 0.5;
    record.auth = add_provider();
    add(std::move(record));
    token_answer = respond(200, R"({"access_token":"short","expires_in":1})");
    store_backlog("crm", 100);
    run(60s);
    EXPECT_LE(most_in_a_second(network["crm"]), bound(0.5));
    EXPECT_NEAR(static_cast<double>(network["crm"].arrivals.size()), 30, 2);
}

TEST_F(LanesRateTest, ARateOfOneLaneDoesNotSlowAnother) {
    start();
    add_rated("slow", 1);
    add(lane("fast"));
    store_backlog("slow", 100);
    store_backlog("fast", 100);
    run(1s);
    EXPECT_EQ(counts("fast").delivered, 100);
}

}  // namespace
}  // namespace herald::dispatcher
