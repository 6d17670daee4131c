// A lane whose receiver fails, on virtual time: the breaker, its probe, and what follows.
#include "dispatcher/ramp.h"
#include "tests/dispatcher/lane_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using herald::test::Receiver;
using storage::CalloutState;
using Breaker = CircuitBreaker::State;

class LanesBreakerTest : public herald::test::LaneFixture {
protected:
    /// A lane with a breaker that has just opened.
    void open_breaker(storage::NotificationRecord record, int backlog) {
        const std::string name = record.name;
        network[name].takes = 100ms;
        network[name].always(503);
        add(std::move(record));
        ids = store_backlog(name, backlog);
        run(500ms);
        ASSERT_EQ(snapshot(name).breaker, Breaker::kOpen);
        ASSERT_EQ(network[name].running, 0);
    }
    /// In order, from the end of one to the start of the next.
    static std::vector<std::chrono::nanoseconds> gaps(const std::vector<Receiver::Arrival>& probes,
                                                      std::chrono::milliseconds each_takes) {
        std::vector<std::chrono::nanoseconds> found;
        for (std::size_t i = 1; i < probes.size(); ++i)
            found.push_back(probes[i].at - probes[i - 1].at - each_takes);
        return found;
    }

    std::vector<core::CalloutId> ids;
};

TEST_F(LanesBreakerTest, AFailingReceiverOpensItAndWhatIsHeldSpendsNoAttempt) {
    start();
    auto record = lane("crm");
    record.max_in_flight = 10;
    open_breaker(std::move(record), 500);
    const std::size_t tried = network["crm"].arrivals.size();
    EXPECT_GE(tried, 20U) << "the least number of attempts";
    EXPECT_LE(tried, 30U) << "and what was under way when it opened";
    EXPECT_EQ(snapshot("crm").state, "breaker_open");
    EXPECT_EQ(snapshot("crm").in_flight, 0);
    EXPECT_EQ(counts("crm").in_flight, 0);
    EXPECT_EQ(counts("crm").pending, 500);
    EXPECT_GT(untouched(ids, "breaker_open"), 0) << "what waited in memory says why it waits";
    std::size_t spent = 0;
    for (const auto& id : ids) spent += static_cast<std::size_t>(callout(id).attempts);
    EXPECT_EQ(spent, tried);
    run(4s);
    EXPECT_EQ(network["crm"].arrivals.size(), tried);
}

TEST_F(LanesBreakerTest, AnEventThatComesWhileItIsOpenIsHeldToo) {
    start();
    open_breaker(lane("crm"), 100);
    network["crm"].forget();
    const core::CalloutId id = fire_at("crm");
    run(3s);
    EXPECT_TRUE(network["crm"].arrivals.empty());
    EXPECT_EQ(callout(id).state, CalloutState::kPending);
    EXPECT_EQ(callout(id).attempts, 0);
}

TEST_F(LanesBreakerTest, AfterTheWaitExactlyOneProbeLeavesAndEachFailureDoublesTheWait) {
    start();
    open_breaker(lane("crm"), 1000);
    const auto probing_from = network["crm"].arrivals.back();
    network["crm"].forget();
    run(40s);
    const auto& probes = network["crm"].arrivals;
    ASSERT_EQ(probes.size(), 3U) << "after 5, 10 and 20 s";
    EXPECT_EQ(network["crm"].most_at_once, 1);
    const auto waits = gaps(probes, 100ms);
    EXPECT_GE(probes[0].at - probing_from.at, 4500ms);
    EXPECT_LE(probes[0].at - probing_from.at, 5700ms);
    EXPECT_GE(waits[0], 9s);
    EXPECT_LE(waits[0], 11s + 1ms);
    EXPECT_GE(waits[1], 18s);
    EXPECT_LE(waits[1], 22s + 1ms);
    EXPECT_EQ(snapshot("crm").state, "breaker_open");
}

TEST_F(LanesBreakerTest, AProbeThatSucceedsOpensTheWindowStepByStepUpToMaxInFlight) {
    start();
    open_breaker(lane("crm"), 3000);
    const auto failed = std::ssize(network["crm"].arrivals);
    network["crm"].always(200);
    network["crm"].forget();
    run(20s);
    const auto& arrivals = network["crm"].arrivals;
    ASSERT_GT(arrivals.size(), 200U);
    for (const auto& arrival : arrivals) {
        const int grown =
            arrival.answered == 0 ? 1 : Ramp::kFirst + static_cast<int>(arrival.answered);
        ASSERT_LE(arrival.at_once, std::min(64, grown));
    }
    EXPECT_EQ(arrivals[1].at - arrivals[0].at, 100ms) << "nothing leaves beside the probe";
    EXPECT_EQ(network["crm"].most_at_once, 64);
    EXPECT_EQ(snapshot("crm").breaker, Breaker::kClosed);
    EXPECT_EQ(counts("crm").pending, failed) << "those that are due again in an hour";
}

// Slow attempts of before may end after the probe is out: they neither close nor open it.
TEST_F(LanesBreakerTest, WhatWasUnderWayWhenItOpenedDoesNotDecideThePhasesAfter) {
    start();
    auto record = lane("crm");
    record.timeout = 60s;
    network["crm"].takes = 40s;
    add(std::move(record));
    store_backlog("crm", 30);
    ASSERT_EQ(network["crm"].running, 30);
    network["crm"].takes = 10ms;
    network["crm"].always(503);
    store_backlog("crm", 200);
    run(1s);
    ASSERT_EQ(snapshot("crm").breaker, Breaker::kOpen);
    network["crm"].always(200);
    run(8s);  // the slow ones still run: the probe does not wait for them
    EXPECT_EQ(snapshot("crm").breaker, Breaker::kClosed);
    EXPECT_EQ(network["crm"].running, 30);
    run(40s);
    EXPECT_EQ(snapshot("crm").breaker, Breaker::kClosed);
}

// An answer that refuses one callout is the answer of a receiver that works.
TEST_F(LanesBreakerTest, RefusalsOfSingleCalloutsDoNotOpenIt) {
    start();
    add(lane("crm"));
    network["crm"].always(400);
    store_backlog("crm", 200);
    run(10s);
    EXPECT_EQ(network["crm"].arrivals.size(), 200U);
    EXPECT_EQ(snapshot("crm").breaker, Breaker::kClosed);
}

TEST_F(LanesBreakerTest, SwitchedOffEveryCalloutIsTried) {
    start();
    auto record = lane("crm");
    record.breaker.enabled = false;
    network["crm"].always(503);
    add(std::move(record));
    store_backlog("crm", 300);
    run(1s);
    EXPECT_EQ(network["crm"].arrivals.size(), 300U);
}

// A deletion while everything is held has nothing to wait for.
TEST_F(LanesBreakerTest, ANotificationWithAnOpenBreakerCanBeDeleted) {
    start();
    auto record = lane("crm");
    const core::NotificationId id = record.id;
    open_breaker(std::move(record), 100);
    network["crm"].forget();
    bool drained = false;
    scheduler->drain_lane(id, [&] { drained = true; });
    settle();
    EXPECT_TRUE(drained);
    EXPECT_EQ(counts("crm").in_flight, 0);
    ASSERT_TRUE(store->delete_notification("crm", true));
    adopt(id);
    EXPECT_TRUE(scheduler->lanes().empty());
    run(1h);
    EXPECT_TRUE(network["crm"].arrivals.empty());
    EXPECT_EQ(callout(ids.back()).state, CalloutState::kCancelled);
}

// R-12 in small: an hour's outage, then everything is due at once.
TEST_F(LanesBreakerTest, AThunderingHerdMeetsOneProbeAndNeverMoreThanTheWindow) {
    start();
    auto record = lane("crm");
    record.retry.schedule = std::vector<std::chrono::seconds>(100, 60s);
    open_breaker(std::move(record), 100);
    add(lane("other"));
    run(1h);
    store_backlog("crm", 5000);
    Receiver& down = network["crm"];
    // Wakes come and go while it is open; none may let more than the probe through.
    down.forget();
    for (int second = 0; second < 300; ++second) {
        scheduler->wake(store->notification("crm")->id);
        run(1s);
        ASSERT_LE(down.most_at_once, 1);
    }
    EXPECT_LE(down.arrivals.size(), 2U) << "one probe in about five minutes";

    down.always(200);
    down.forget();
    network["other"].forget();
    std::vector<core::SteadyTime> fired;
    while (counts("crm").pending + counts("crm").in_flight > 0 && fired.size() < 10'000) {
        fired.push_back(clock.steady_now());
        (void)fire_at("other");
        run(100ms);
    }
    EXPECT_EQ(counts("crm").delivered, 5100);
    ASSERT_GT(down.arrivals.size(), 2U);
    EXPECT_EQ(down.arrivals[1].answered, 1U) << "exactly one probe";
    EXPECT_EQ(down.most_at_once, 64);
    ASSERT_EQ(network["other"].arrivals.size(), fired.size());
    for (std::size_t i = 0; i < fired.size(); ++i)
        ASSERT_EQ(network["other"].arrivals[i].at, fired[i]) << "the other lane never waits";
}

}  // namespace
}  // namespace herald::dispatcher
