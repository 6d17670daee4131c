#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/dispatcher_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using storage::AttemptOutcome;
using storage::CalloutState;

class LanesLeaseTest : public test::DispatcherFixture {
protected:
    void given_lane(std::string name, int max_in_flight) {
        auto record = notification(std::move(name));
        record.max_in_flight = max_in_flight;
        record.retry = {.schedule = {5s}, .max_age = std::nullopt, .reject = {}};
        add(std::move(record));
    }
    /// The process ends while the receiver holds what was sent.
    void crash() {
        close();
        receivers.release();
        receivers.requests.clear();
        receivers.hold();
        open();
        start();
    }
};

TEST_F(LanesLeaseTest, WhatIsCancelledWhileItWaitsInMemoryIsNeverSent) {
    start();
    given_lane("invoices", 1);
    receivers.hold();
    const auto sent = fire_one();
    const auto waiting = fire_one();
    ASSERT_EQ(callout(waiting).state, CalloutState::kClaimed);
    EXPECT_EQ(store->cancel_callout(sent).error().code, "callout_in_flight");
    ASSERT_TRUE(store->cancel_callout(waiting));
    const auto last = fire_one();
    receivers.release();
    settle();
    EXPECT_EQ(callout(sent).state, CalloutState::kDelivered);
    EXPECT_EQ(callout(waiting).state, CalloutState::kCancelled);
    EXPECT_TRUE(attempts(waiting).empty());
    EXPECT_EQ(callout(last).state, CalloutState::kDelivered) << "the lane goes on";
    EXPECT_EQ(receivers.requests.size(), 2U);
}

TEST_F(LanesLeaseTest, AfterACrashOnlyWhatHadLeftHasAnAttempt) {
    start();
    given_lane("invoices", 1);
    receivers.hold();
    const auto sent = fire_one();
    const auto waiting = fire_one();
    crash();
    receivers.release();
    advance(1s);
    ASSERT_EQ(attempts(sent).size(), 2U);
    EXPECT_EQ(attempts(sent)[0].outcome, AttemptOutcome::kUnknownCrash);
    EXPECT_EQ(attempts(waiting).size(), 1U);
    EXPECT_EQ(callout(waiting).state, CalloutState::kDelivered);
}

// The process ends whenever the poisonous callout is on the wire.
TEST_F(LanesLeaseTest, APoisonousCalloutDiesAfterThreeCrashesAndAllOthersAreDelivered) {
    start();
    given_lane("invoices", 8);
    given_lane("orders", 8);
    receivers.hold();
    std::vector<core::CalloutId> all;
    for (int i = 0; i < 4; ++i) {
        const auto accepted = fire().value();
        for (const auto& each : accepted.callouts) all.push_back(each.id);
    }
    const core::CalloutId poisonous = all[3];
    const auto is_on_the_wire = [&](core::CalloutId id) {
        return callout(id).state == CalloutState::kInFlight;
    };
    int crashes = 0;
    for (int step = 0; step < 100 && callout(poisonous).state != CalloutState::kDead; ++step) {
        if (is_on_the_wire(poisonous)) {
            crash();
            ++crashes;
        } else {
            receivers.release();
            receivers.hold();
            advance(10ms);
        }
    }
    EXPECT_EQ(crashes, 3);
    EXPECT_EQ(callout(poisonous).reason, "crash_loop");
    receivers.release();
    advance(10s);
    for (const auto& id : all) {
        if (id == poisonous) continue;
        EXPECT_EQ(callout(id).state, CalloutState::kDelivered) << callout(id).reason.value_or("");
    }
}

}  // namespace
}  // namespace herald::dispatcher
