// The wall clock jumps, and the machine sleeps: what is due, and what is too old, is measured.
#include "dispatcher/wall_watch.h"
#include "tests/dispatcher/lane_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using storage::CalloutState;

class LanesClockTest : public herald::test::LaneFixture {
protected:
    void jump(std::chrono::milliseconds by) { clock.set_system_time(clock.system_now() + by); }
    void expect_state(core::CalloutId id, CalloutState state, const char* why = "") {
        EXPECT_EQ(callout(id).state, state) << why;
    }
};

TEST_F(LanesClockTest, AcceptedCalloutsLeaveAtOnceAfterTheWallClockWentBack) {
    start();
    add(lane("crm"));
    const auto before = fire_at("crm");
    jump(-1h);
    const auto after = fire_at("crm");
    settle();
    expect_state(before, CalloutState::kDelivered);
    expect_state(after, CalloutState::kDelivered);
}

TEST_F(LanesClockTest, WhatWaitsInTheStoreLeavesAfterTheWallClockWentBackAndARestart) {
    add(lane("crm"));
    const auto ids = store_backlog("crm", 20);
    jump(-1h);
    crash_and_restart();
    for (const auto id : ids) expect_state(id, CalloutState::kDelivered);
}

TEST_F(LanesClockTest, NoCalloutAgesByAJump) {
    start();
    auto record = lane("crm");
    record.retry.max_age = 24h;
    record.paused = true;
    add(std::move(record));
    const auto id = fire_at("crm");
    jump(48h);
    edit("crm", [](auto& change) { change.paused = false; });
    settle();
    expect_state(id, CalloutState::kDelivered);
}

TEST_F(LanesClockTest, ARetryWaitsItsTimeThroughEveryJump) {
    start();
    add(lane("crm"));
    network["crm"].always(500);
    const auto id = fire_at("crm");
    ASSERT_EQ(callout(id).attempts, 1);
    for (const auto by : {1h, -3h, 48h}) {
        jump(by);
        advance(19min);
        EXPECT_EQ(callout(id).attempts, 1);
    }
    run(3min);
    EXPECT_EQ(callout(id).attempts, 2) << "an hour has passed, and no more";
}

TEST_F(LanesClockTest, ADueTimeIsShownByTheWallClockAsItGoes) {
    start();
    add(lane("crm"));
    network["crm"].always(500);
    const auto id = fire_at("crm");
    WallWatch watch(*store, clock, io->get_executor());
    watch.start();
    settle();
    jump(5h);
    advance(1s);
    watch.stop();
    EXPECT_EQ(clock.on_the_wall(*callout(id).due_at), clock.system_now() + 1h - 1s);
}

// Closing the database and opening it again is all that a restart knows.
TEST_F(LanesClockTest, AJumpThatTheWatchSawIsKnownAfterARestart) {
    start();
    {
        WallWatch watch(*store, clock, io->get_executor());
        watch.start();
        settle();
        jump(5h);
        advance(1s);
    }
    const core::StoredTime line = clock.stored_now();
    close();
    herald::test::FakeClock later(clock.system_now());
    later.advance(clock.steady_now() - later.steady_now());
    later.set_system_time(clock.system_now());
    const auto reopened = herald::test::open_store(directory.path(), later);
    EXPECT_EQ(later.stored_now(), line);
    EXPECT_EQ(later.on_the_wall(line), clock.system_now());
    reopened->close();
}

// A machine that sleeps: both clocks go on, and what falls due meanwhile is looked at once.
TEST_F(LanesClockTest, ARetryThatFellDueWhileTheMachineSleptLeavesAtItsWaking) {
    start();
    add(lane("crm"));
    network["crm"].always(500);
    const auto id = fire_at("crm");
    network["crm"].always(200);
    advance(8h);
    expect_state(id, CalloutState::kDelivered);
}

}  // namespace
}  // namespace herald::dispatcher
