// What lanes hold in memory is weighed, not only counted.
#include "tests/dispatcher/lane_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using storage::CalloutState;

constexpr std::size_t kMiB = 1024UL * 1024;

class LanesMemoryTest : public herald::test::LaneFixture {
protected:
    static std::string large() { return '"' + std::string(kMiB - 16, 'x') + '"'; }
};

TEST_F(LanesMemoryTest, LargeEventsForASilentReceiverWaitInTheStore) {
    start();
    auto record = lane("hole");
    record.timeout = 10min;
    add(std::move(record));
    network["hole"].silent = true;
    for (int i = 0; i < 40; ++i) (void)fire_at("hole", large());
    EXPECT_LE(snapshot("hole").bytes, LaneBytes::kMost);
    EXPECT_EQ(network["hole"].running, 8) << "with its request each holds 2 MiB";
    EXPECT_EQ(counts("hole").in_flight, 8);
    EXPECT_EQ(counts("hole").pending, 32);
}

TEST_F(LanesMemoryTest, EverythingIsDeliveredAndEverythingGivenBack) {
    start();
    add(lane("crm"));
    network["crm"].takes = 100ms;
    for (int i = 0; i < 40; ++i) (void)fire_at("crm", large());
    run(10s);
    EXPECT_EQ(counts("crm").delivered, 40);
    EXPECT_EQ(snapshot("crm").bytes, 0U);
    EXPECT_LE(network["crm"].most_at_once, 8);
}

TEST_F(LanesMemoryTest, WhatIsGivenBackByAHoldIsNotCountedAnyMore) {
    start();
    auto record = lane("crm");
    record.max_in_flight = 1;
    add(std::move(record));
    network["crm"].takes = 1s;
    for (int i = 0; i < 5; ++i) (void)fire_at("crm", large());
    edit("crm", [](auto& change) { change.paused = true; });
    run(2s);
    EXPECT_EQ(snapshot("crm").bytes, 0U);
    edit("crm", [](auto& change) { change.paused = false; });
    run(10s);
    EXPECT_EQ(counts("crm").delivered, 5);
    EXPECT_EQ(snapshot("crm").bytes, 0U);
}

TEST_F(LanesMemoryTest, SilentReceiversLeaveRoomForTheOthers) {
    most_bytes = 20 * kMiB;
    start();
    for (const std::string name : {"hole", "silence"}) {
        auto record = lane(name);
        record.timeout = 10min;
        add(std::move(record));
        network[name].silent = true;
        for (int n = 0; n < 10; ++n) (void)fire_at(name, large());
    }
    add(lane("crm"));
    network["crm"].takes = 10ms;
    for (int i = 0; i < 10; ++i) (void)fire_at("crm", large());
    EXPECT_LE(snapshot("hole").bytes + snapshot("silence").bytes, most_bytes);
    run(10s);
    EXPECT_EQ(counts("crm").delivered, 10);
}

TEST_F(LanesMemoryTest, SmallEventsFillTheWholeWindow) {
    start();
    auto record = lane("crm");
    record.max_in_flight = 2000;
    record.timeout = 10min;
    add(std::move(record));
    network["crm"].silent = true;
    (void)store_backlog("crm", 3000);
    run(1s);
    EXPECT_EQ(network["crm"].running, 2000);
}

}  // namespace
}  // namespace herald::dispatcher
