// Who goes first, on virtual time: first tries beside late retries, one lane beside another.
#include "tests/dispatcher/lane_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using herald::test::Receiver;
using storage::CalloutState;

class LanesFairnessTest : public herald::test::LaneFixture {
protected:
    static std::ptrdiff_t first_tries(const Receiver& receiver) {
        return std::ranges::count(receiver.arrivals, 1, &Receiver::Arrival::attempt);
    }
    static std::ptrdiff_t retries(const Receiver& receiver) {
        return std::ssize(receiver.arrivals) - first_tries(receiver);
    }
    /// Both kinds due, more than can go out.
    void store_both(const std::string& name, int each) {
        store_backlog(name, each, 1);
        store_backlog(name, each);
    }
};

TEST_F(LanesFairnessTest, AFreshEventLeavesAtOnceWhileAThousandLateRetriesRunSlowly) {
    start();
    add(lane("crm"));
    Receiver& receiver = network["crm"];
    receiver.takes = 20s;
    store_backlog("crm", 1000, 1);
    EXPECT_EQ(receiver.running, 32) << "half of the window";
    for (int i = 0; i < 32; ++i) {
        const core::CalloutId id = fire_at("crm");
        ASSERT_EQ(receiver.arrivals.back().callout, id.text()) << "number " << i;
        ASSERT_EQ(receiver.arrivals.back().at, clock.steady_now());
    }
    EXPECT_EQ(receiver.running, 64);
    run(300s);
    EXPECT_EQ(receiver.most_retries_at_once, 32);
    EXPECT_EQ(receiver.most_at_once, 64);
}

TEST_F(LanesFairnessTest, RetriesNeverHoldMoreThanHalfOfTheWindow) {
    start();
    for (const int window : {1, 2, 3, 10, 100}) {
        const std::string name = "window" + std::to_string(window);
        auto record = lane(name);
        record.max_in_flight = window;
        network[name].takes = 100ms;
        add(std::move(record));
        store_backlog(name, 300, 1);
        run(2s);
        EXPECT_EQ(network[name].most_at_once, std::max(1, window / 2)) << window;
    }
}

TEST_F(LanesFairnessTest, WithAWindowOfOneNeitherKindStarves) {
    start();
    auto record = lane("crm");
    record.max_in_flight = 1;
    network["crm"].takes = 100ms;
    add(std::move(record));
    store_both("crm", 100);
    run(4s);
    EXPECT_EQ(network["crm"].most_at_once, 1);
    EXPECT_GE(first_tries(network["crm"]), 15);
    EXPECT_GE(retries(network["crm"]), 15);
}

// Looking for the next one must not use up its turn, however often a lane looks.
TEST_F(LanesFairnessTest, UnderARateNeitherKindStarvesHoweverOftenTheLaneIsWoken) {
    start();
    for (int wakes = 0; wakes < 4; ++wakes) {
        const std::string name = "woken" + std::to_string(wakes);
        auto record = lane(name);
        record.rate_per_s = 10;
        const core::NotificationId id = record.id;
        network[name].takes = 10ms;
        add(std::move(record));
        store_both(name, 200);
        for (int i = 0; i < 100; ++i) {
            run(50ms);
            for (int wake = 0; wake < wakes; ++wake) {
                scheduler->wake(id);
                settle();
            }
            run(50ms);
        }
        EXPECT_GE(first_tries(network[name]), 40) << wakes;
        EXPECT_GE(retries(network[name]), 40) << wakes;
    }
}

// R-13 on virtual time.
TEST_F(LanesFairnessTest, ASilentReceiverCostsTheOthersNoTime) {
    const auto healthy_took = [this](bool with_black_hole) {
        std::vector<std::string> names;
        const std::string suffix = with_black_hole ? "b" : "a";
        for (int i = 0; i < 20; ++i) names.push_back("healthy" + std::to_string(i) + suffix);
        for (const std::string& name : names) {
            network[name].takes = 10ms;
            add(lane(name));
        }
        if (with_black_hole) {
            add(lane("hole"));
            network["hole"].silent = true;
            store_backlog("hole", 2000);
        }
        const core::SteadyTime began = clock.steady_now();
        for (const std::string& name : names) store_backlog(name, 200);
        run(5s);
        std::vector<std::chrono::nanoseconds> took;
        for (const std::string& name : names) {
            EXPECT_EQ(counts(name).delivered, 200);
            took.push_back(network[name].arrivals.back().at - began);
        }
        return took;
    };
    start();
    const auto alone = healthy_took(false);
    EXPECT_EQ(healthy_took(true), alone);
    EXPECT_EQ(network["hole"].running, 64) << "it holds its own window and no more";
    run(26s);
    EXPECT_EQ(network["hole"].answered, 64U) << "each attempt ended at its deadline";
}

TEST_F(LanesFairnessTest, DeadCalloutsRetriedTogetherDoNotHoldUpFreshEvents) {
    start();
    auto record = lane("crm");
    record.retry.schedule.clear();
    record.breaker.enabled = false;
    const core::NotificationId id = record.id;
    add(std::move(record));
    Receiver& receiver = network["crm"];
    receiver.always(503);
    store_backlog("crm", 600);
    run(1s);
    ASSERT_EQ(counts("crm").dead, 600);

    receiver.always(200);
    receiver.takes = 1s;
    receiver.forget();
    ASSERT_EQ(
        store->retry_dead({.notification = "crm"}, clock.stored_now(), 600, false).value().count,
        600);
    scheduler->wake(id);
    settle();
    for (int i = 0; i < 10; ++i) {
        const core::CalloutId fresh = fire_at("crm");
        EXPECT_EQ(receiver.arrivals.back().callout, fresh.text()) << "number " << i;
        run(500ms);
    }
    run(30s);
    EXPECT_EQ(counts("crm").delivered, 610);
    EXPECT_EQ(receiver.arrivals.size(), 610U);
}

TEST_F(LanesFairnessTest, ACancelledCalloutIsNeverSentAndHoldsNobody) {
    start();
    add(lane("crm"));
    network["crm"].always(503);
    const core::CalloutId cancelled = fire_at("crm");
    const core::CalloutId other = fire_at("crm");
    ASSERT_TRUE(store->cancel_callout(cancelled));
    network["crm"].always(200);
    run(2h);
    EXPECT_EQ(callout(cancelled).state, CalloutState::kCancelled);
    EXPECT_EQ(callout(other).state, CalloutState::kDelivered);
    EXPECT_EQ(network["crm"].arrivals.size(), 3U);
}

// What is in memory beyond the window is bounded, whatever went before.
TEST_F(LanesFairnessTest, RetriesThatEndedMakeNoRoomForMoreFirstTries) {
    start();
    auto record = lane("crm");
    record.max_in_flight = 2;
    add(std::move(record));
    (void)store_backlog("crm", 200, 1);
    run(5s);
    ASSERT_EQ(counts("crm").delivered, 200);
    network["crm"].silent = true;
    for (int i = 0; i < 300; ++i) (void)fire_at("crm");
    EXPECT_EQ(counts("crm").in_flight + counts("crm").claimed, 2 + 32);
}

}  // namespace
}  // namespace herald::dispatcher
