#include "dispatcher/byte_budget.h"

#include <gtest/gtest.h>

#include <memory>

namespace herald::dispatcher {
namespace {

constexpr std::size_t kMiB = 1024UL * 1024;

TEST(ByteBudgetTest, ALaneHoldsItsShareAndNoMore) {
    const auto all = std::make_shared<ByteBudget>(100 * kMiB);
    LaneBytes lane(all);
    for (int i = 0; i < 16; ++i) EXPECT_TRUE(lane.try_take(kMiB));
    EXPECT_FALSE(lane.try_take(1));
    EXPECT_EQ(lane.claim_room(), 0U);
    lane.give_back(kMiB);
    EXPECT_TRUE(lane.try_take(kMiB));
    EXPECT_EQ(all->used(), 16 * kMiB);
}

TEST(ByteBudgetTest, AClaimNeverBringsMoreThanThereIsRoomFor) {
    const auto all = std::make_shared<ByteBudget>(100 * kMiB);
    LaneBytes lane(all);
    EXPECT_EQ(lane.claim_room(), 7 * kMiB) << "eight of 1 MiB, each with its request";
    lane.take(13 * kMiB);
    EXPECT_EQ(lane.claim_room(), kMiB / 2);
    lane.take(kMiB);
    EXPECT_EQ(lane.claim_room(), 0U) << "the next one may be the largest";
}

TEST(ByteBudgetTest, AllLanesTogetherHoldWhatIsAllowed) {
    const auto all = std::make_shared<ByteBudget>(20 * kMiB);
    LaneBytes one(all);
    LaneBytes two(all);
    for (int i = 0; i < 16; ++i) EXPECT_TRUE(one.try_take(kMiB));
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(two.try_take(kMiB));
    EXPECT_FALSE(two.try_take(kMiB));
    EXPECT_EQ(two.held(), 4 * kMiB) << "a refusal takes nothing";
    EXPECT_EQ(all->left(), 0U);
}

// A slow receiver holds only its own lane: the others' memory is no reason to send nothing.
TEST(ByteBudgetTest, ALaneMayAlwaysHoldALittle) {
    const auto all = std::make_shared<ByteBudget>(kMiB);
    LaneBytes silent(all);
    ASSERT_TRUE(silent.try_take(kMiB));
    LaneBytes lane(all);
    EXPECT_EQ(lane.claim_room(), LaneBytes::kAlways);
    EXPECT_TRUE(lane.try_take(2 * kMiB)) << "the first, whatever its size";
    EXPECT_FALSE(lane.try_take(1));
    lane.give_back(2 * kMiB);
    for (int i = 0; i < 32; ++i) EXPECT_TRUE(lane.try_take(1024));
    EXPECT_FALSE(lane.try_take(1024));
}

TEST(ByteBudgetTest, ALaneThatEndsGivesEverythingBack) {
    const auto all = std::make_shared<ByteBudget>(kMiB);
    {
        LaneBytes lane(all);
        ASSERT_TRUE(lane.try_take(1000));
        lane.take(kMiB);
    }
    EXPECT_EQ(all->used(), 0U);
}

TEST(ByteBudgetTest, ALaneMayOutliveItsScheduler) {
    auto all = std::make_shared<ByteBudget>(kMiB);
    LaneBytes lane(all);
    ASSERT_TRUE(lane.try_take(1000));
    all.reset();
    EXPECT_EQ(lane.held(), 1000U) << "and gives it back to what still stands";
}

TEST(ByteBudgetTest, ALargeEventCostsItsRequestToo) {
    EXPECT_EQ(LaneBytes::cost_of(512), 512U);
    EXPECT_EQ(LaneBytes::cost_of(kMiB), 2 * kMiB);
}

}  // namespace
}  // namespace herald::dispatcher
