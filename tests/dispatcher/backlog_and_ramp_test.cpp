#include <gtest/gtest.h>

#include "dispatcher/backlog.h"
#include "dispatcher/ramp.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;

const core::StoredTime kNow{1'000'000ms};

TEST(BacklogTest, IsDueFromTheEarliestTimeItWasToldOf) {
    Backlog backlog;
    EXPECT_FALSE(backlog.is_due(kNow)) << "nothing is known to be stored";
    backlog.note(kNow + 10s);
    backlog.note(kNow + 5s);
    backlog.note(kNow + 20s);
    EXPECT_FALSE(backlog.is_due(kNow + 4999ms));
    EXPECT_TRUE(backlog.is_due(kNow + 5s));
}

TEST(BacklogTest, AClaimReplacesWhatWasKnownBefore) {
    Backlog backlog;
    backlog.note(kNow);
    backlog.claim_begins();
    backlog.claim_ended(kNow + 1min);
    EXPECT_EQ(backlog.next_due, kNow + 1min);
    backlog.claim_begins();
    backlog.claim_ended(std::nullopt);
    EXPECT_EQ(backlog.next_due, std::nullopt);
}

// The claim may have been made before what came meanwhile: forgetting that would lose a wake-up.
TEST(BacklogTest, WhatIsStoredDuringAClaimIsNotForgotten) {
    Backlog backlog;
    backlog.claim_begins();
    backlog.note(kNow + 3s);
    backlog.note(kNow + 9s);
    backlog.claim_ended(std::nullopt);
    EXPECT_EQ(backlog.next_due, kNow + 3s);
    backlog.claim_begins();
    backlog.note(kNow + 9s);
    backlog.claim_ended(kNow + 4s);
    EXPECT_EQ(backlog.next_due, kNow + 4s);
    backlog.claim_begins();
    backlog.claim_ended(std::nullopt);
    EXPECT_EQ(backlog.next_due, std::nullopt) << "a note counts for the claim it fell into";
}

TEST(BacklogTest, HoldsWhatWaitsInMemoryAndWhatRuns) {
    auto event = std::make_shared<storage::EventRecord>();
    Backlog backlog;
    for (int attempts = 0; attempts < 3; ++attempts)
        backlog.add({.id = {}, .event = event, .attempts = attempts});
    backlog.running = 2;
    EXPECT_EQ(backlog.held(), 5);
    EXPECT_EQ(backlog.take().attempts, 0) << "the oldest first";
    EXPECT_EQ(backlog.take_all().size(), 2U);
    EXPECT_EQ(backlog.waiting(), 0);
}

TEST(RampTest, WithoutAHoldTheWholeWindowMayBeUsed) {
    const Ramp ramp;
    EXPECT_EQ(ramp.of(1), 1);
    EXPECT_EQ(ramp.of(20'000), 20'000);
}

TEST(RampTest, AfterAHoldItBeginsSmallAndGrowsByOneWithEachSuccess) {
    Ramp ramp;
    ramp.begin();
    EXPECT_EQ(ramp.of(4), 4) << "a small window is not narrowed";
    for (int successes = 0; successes < 100; ++successes) {
        EXPECT_EQ(ramp.of(64), std::min(64, Ramp::kFirst + successes));
        ramp.went_well();
    }
    ramp.begin();
    EXPECT_EQ(ramp.of(64), Ramp::kFirst) << "each hold begins anew";
}

}  // namespace
}  // namespace herald::dispatcher
