// R-23 at the store: of one order key, one callout at a time, in order of acceptance.
#include <gmock/gmock.h>

#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class OrderedCalloutConformance : public StoreConformance {
protected:
    void SetUp() override {
        StoreConformance::SetUp();
        NotificationRecord ordered = sample_notification("n");
        ordered.order_by = "data.key";
        notification_ = given_notification(std::move(ordered));
    }

    /// Ids say when a callout was made, which need not be when it was accepted.
    core::CalloutId given_ordered(const std::string& key, core::StoredTime id_of = kNow) {
        NewCallout callout = sample_callout(notification_);
        callout.id = new_id<core::CalloutId>(id_of);
        callout.order_key = key;
        auto result = append(*store_, sample_new_event(*store_, sample_event(), {callout}));
        EXPECT_TRUE(result && result->status == AppendStatus::kStored);
        return callout.id;
    }
    std::vector<core::CalloutId> given_ordered(const std::string& key, int count) {
        std::vector<core::CalloutId> ids;
        for (int i = 0; i < count; ++i) ids.push_back(given_ordered(key));
        return ids;
    }
    std::vector<core::CalloutId> claim_all(core::StoredTime now = kNow) {
        std::vector<core::CalloutId> ids;
        const auto claimed = claim(*store_, notification_.id, 100, now);
        for (const ClaimedCallout& callout : claimed->callouts) ids.push_back(callout.id);
        return ids;
    }
    /// Whether the next one of its key is due now.
    bool end(core::CalloutId id, CalloutState state = CalloutState::kDelivered) {
        const auto ended =
            record(*store_, {sample_attempt(id, 1)},
                   {.id = id, .notification = {}, .state = state, .attempts = 1, .failures = 1});
        EXPECT_TRUE(ended);
        return ended && *ended;
    }
    std::optional<std::string> reason_of(core::CalloutId id) { return store_->callout(id)->reason; }

    NotificationRecord notification_;
};

TEST_P(OrderedCalloutConformance, OnlyTheFirstOfAKeyIsDueAndTheOthersSayWhyTheyWait) {
    const auto a = given_ordered("a", 3);
    const auto b = given_ordered("b", 2);
    const auto unordered = given_callout(notification_);
    EXPECT_EQ(reason_of(a[0]), std::nullopt);
    EXPECT_EQ(reason_of(a[1]), "ordered");
    EXPECT_EQ(store_->callout(a[1])->state, CalloutState::kPending);
    EXPECT_THAT(claim_all(), UnorderedElementsAre(a[0], b[0], unordered));
    EXPECT_THAT(claim_all(kNow + minutes(1)), IsEmpty());
    EXPECT_EQ(store_->counts()->notifications.at(0).pending, 3);
}

TEST_P(OrderedCalloutConformance, EveryEndLetsTheNextOneOfTheKeyGo) {
    const auto ids = given_ordered("a", 4);
    ASSERT_THAT(claim_all(), ElementsAre(ids[0]));
    EXPECT_TRUE(end(ids[0], CalloutState::kDelivered));
    EXPECT_EQ(reason_of(ids[1]), std::nullopt);
    ASSERT_THAT(claim_all(), ElementsAre(ids[1]));
    EXPECT_TRUE(end(ids[1], CalloutState::kDead));
    ASSERT_TRUE(store_->cancel_callout(ids[2]));
    ASSERT_THAT(claim_all(), ElementsAre(ids[3]));
    EXPECT_FALSE(end(ids[3])) << "nobody waits any more";
}

// Ids of one millisecond have no order, and a clock may step back: acceptance decides.
TEST_P(OrderedCalloutConformance, AcceptanceDecidesNotTheId) {
    std::vector<core::CalloutId> ids;
    for (int i = 0; i < 6; ++i) ids.push_back(given_ordered("a", kNow - minutes(i)));
    for (const auto& id : ids) {
        ASSERT_THAT(claim_all(), ElementsAre(id));
        end(id);
    }
}

TEST_P(OrderedCalloutConformance, ARetryThatIsDueLaterHoldsItsKeyAndNoOther) {
    const auto a = given_ordered("a", 2);
    const auto b = given_ordered("b", 2);
    ASSERT_EQ(claim_all().size(), 2U);
    const auto retried = record(*store_, {sample_attempt(a[0], 1, AttemptOutcome::kRetry)},
                                {.id = a[0],
                                 .notification = {},
                                 .reason = "retry",
                                 .due_at = kNow + minutes(5),
                                 .attempts = 1,
                                 .failures = 1});
    EXPECT_FALSE(*retried);
    EXPECT_TRUE(end(b[0]));
    EXPECT_THAT(claim_all(), ElementsAre(b[1]));
    EXPECT_THAT(claim_all(kNow + minutes(5)), ElementsAre(a[0]));
    EXPECT_TRUE(end(a[0]));
    EXPECT_THAT(claim_all(), ElementsAre(a[1]));
}

TEST_P(OrderedCalloutConformance, OneThatIsGivenBackKeepsItsTurn) {
    const auto ids = given_ordered("a", 2);
    ASSERT_THAT(claim_all(), ElementsAre(ids[0]));
    const auto given_back =
        update(*store_, {{.id = ids[0], .notification = {}, .reason = "paused", .due_at = kNow}});
    EXPECT_FALSE(*given_back);
    EXPECT_EQ(reason_of(ids[0]), "paused");
    EXPECT_THAT(claim_all(), ElementsAre(ids[0]));
}

TEST_P(OrderedCalloutConformance, CancellingOneThatWaitsDisturbsNobody) {
    const auto ids = given_ordered("a", 3);
    ASSERT_TRUE(store_->cancel_callout(ids[1]));
    EXPECT_THAT(claim_all(), ElementsAre(ids[0]));
    EXPECT_TRUE(end(ids[0]));
    EXPECT_THAT(claim_all(), ElementsAre(ids[2]));
}

TEST_P(OrderedCalloutConformance, ARetryByAPersonLinesUpBehindWhatIsUnfinished) {
    const auto ids = given_ordered("a", 2);
    ASSERT_THAT(claim_all(), ElementsAre(ids[0]));
    end(ids[0], CalloutState::kDead);
    const auto retried = store_->retry_callout(ids[0], kNow);
    EXPECT_EQ(retried->state, CalloutState::kPending);
    EXPECT_EQ(retried->reason, "ordered");
    ASSERT_THAT(claim_all(), ElementsAre(ids[1]));
    EXPECT_TRUE(end(ids[1]));
    ASSERT_THAT(claim_all(), ElementsAre(ids[0]));
    EXPECT_FALSE(end(ids[0]));
}

TEST_P(OrderedCalloutConformance, ARetryByAPersonOfOneThatWaitsDoesNotJumpTheQueue) {
    const auto ids = given_ordered("a", 3);
    const auto retried = store_->retry_callout(ids[2], kNow);
    EXPECT_EQ(retried->reason, "ordered");
    for (const auto& id : ids) {
        ASSERT_THAT(claim_all(), ElementsAre(id));
        end(id);
    }
}

TEST_P(OrderedCalloutConformance, KeysOfDifferentNotificationsHaveNothingInCommon) {
    const auto first = given_ordered("a");
    const auto other = given_notification(sample_notification("other"));
    NewCallout callout = sample_callout(other);
    callout.order_key = "a";
    ASSERT_TRUE(append(*store_, sample_new_event(*store_, sample_event(), {callout})));
    EXPECT_EQ(claim(*store_, other.id, 10)->callouts.size(), 1U);
    EXPECT_THAT(claim_all(), ElementsAre(first));
}

TEST_P(OrderedCalloutConformance, ARestartKeepsTheOrder) {
    const auto ids = given_ordered("a", 3);
    ASSERT_THAT(claim_all(), ElementsAre(ids[0]));
    reopen();
    ASSERT_EQ(store_->take_lease("test", kNow)->sent_again, 1);
    for (const auto& id : ids) {
        ASSERT_THAT(claim_all(), ElementsAre(id));
        end(id);
        reopen();
    }
}

// After a restart with everything finished only the callouts themselves know their keys.
TEST_P(OrderedCalloutConformance, DeadOnesRetriedTogetherGoOneAfterAnother) {
    std::vector<core::CalloutId> ids;
    for (int i = 0; i < 4; ++i) {
        ids.push_back(given_ordered("a", kNow + minutes(i)));
        ASSERT_THAT(claim_all(), ElementsAre(ids.back()));
        end(ids.back(), CalloutState::kDead);
    }
    reopen();
    ASSERT_EQ(store_->retry_dead({}, kNow, 100, false).value().count, 4);
    for (const auto& id : ids) {
        ASSERT_THAT(claim_all(), ElementsAre(id));
        end(id);
    }
}

INSTANTIATE_TEST_SUITE_P(Modes, OrderedCalloutConformance, ::testing::Bool(), name_of_mode);

}  // namespace
}  // namespace herald::storage
