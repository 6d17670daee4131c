#include <gmock/gmock.h>

#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using std::chrono::hours;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RetentionConformance : public StoreConformance {
protected:
    NewEvent event_at(core::StoredTime received_at, std::vector<NewCallout> callouts = {},
                      std::string data = "{}", const std::string& key = "") {
        EventRecord event = *sample_event(std::move(data));
        event.received_at = received_at;
        if (!key.empty()) event.key = key;
        return sample_new_event(*store_, std::make_shared<const EventRecord>(std::move(event)),
                                std::move(callouts));
    }
    core::EventId given_event(core::StoredTime received_at, std::vector<NewCallout> callouts = {},
                              std::string data = "{}", const std::string& key = "") {
        NewEvent event = event_at(received_at, std::move(callouts), std::move(data), key);
        const auto appended = append(*store_, event);
        EXPECT_TRUE(appended && appended->status == AppendStatus::kStored);
        return event.event->id;
    }
    void finish(core::CalloutId callout, CalloutState state) {
        ASSERT_TRUE(update(*store_, {{.id = callout, .notification = {}, .state = state}}));
    }
    /// An event at `received_at` whose one callout is `state`.
    NewCallout given_callout_in(const NotificationRecord& notification, CalloutState state,
                                core::StoredTime received_at) {
        NewCallout callout = sample_callout(notification);
        callout.claimed = state == CalloutState::kClaimed;
        given_event(received_at, {callout});
        if (state != CalloutState::kPending && !callout.claimed) finish(callout.id, state);
        return callout;
    }
    bool is_kept(core::EventId event) { return store_->event(event).has_value(); }
};

TEST_P(RetentionConformance, RemovesWhatIsTooOldAndKeepsTheRest) {
    const auto oldest = given_event(kNow - hours(3));
    const auto old = given_event(kNow - hours(2));
    const auto at_the_bound = given_event(kNow - hours(1));
    const auto young = given_event(kNow);
    EXPECT_EQ(prune_all(*store_, {.keep_since = kNow - hours(1)}), 2);
    EXPECT_FALSE(is_kept(oldest));
    EXPECT_FALSE(is_kept(old));
    EXPECT_TRUE(is_kept(at_the_bound));
    EXPECT_TRUE(is_kept(young));
    EXPECT_EQ(prune_all(*store_, {.keep_since = kNow - hours(1)}), 0);
    EXPECT_EQ(store_->counts()->events, 2);
}

TEST_P(RetentionConformance, AnEventFromTheFutureDoesNotKeepTheOldOnesBehindIt) {
    const auto while_the_clock_was_wrong = given_event(kNow + hours(90'000));
    const auto old = given_event(kNow - hours(2));
    EXPECT_EQ(prune_all(*store_, {.keep_since = kNow}), 1);
    EXPECT_TRUE(is_kept(while_the_clock_was_wrong));
    EXPECT_FALSE(is_kept(old));
}

// More of them than a step looks at: a whole step that removes nothing says nothing about the rest.
TEST_P(RetentionConformance, ManyEventsFromTheFutureDoNotKeepTheOldOnesBehindThem) {
    std::vector<core::EventId> while_the_clock_was_wrong;
    for (int i = 0; i < 450; ++i)
        while_the_clock_was_wrong.push_back(given_event(kNow + hours(90'000)));
    const auto old = given_event(kNow - hours(2));
    const auto young = given_event(kNow);
    EXPECT_EQ(prune_all(*store_, {.keep_since = kNow}), 1);
    EXPECT_TRUE(is_kept(while_the_clock_was_wrong.back()));
    EXPECT_TRUE(is_kept(young));
    EXPECT_FALSE(is_kept(old));
}

TEST_P(RetentionConformance, AStepThatSawOnlyYoungEventsIsTheLast) {
    for (int i = 0; i < 450; ++i) given_event(kNow);
    EXPECT_FALSE(prune(*store_, {.keep_since = kNow - hours(1)}, 0).resume_after);
}

TEST_P(RetentionConformance, RemovesNothingWithoutBounds) {
    const auto old = given_event(kNow - hours(9000));
    EXPECT_EQ(prune_all(*store_, {}), 0);
    EXPECT_TRUE(is_kept(old));
}

TEST_P(RetentionConformance, RemovesTheOldestUntilTheDatabaseIsSmallEnough) {
    std::vector<core::EventId> events;
    for (int i = 0; i < 40; ++i) events.push_back(given_event(kNow, {}, std::string(1 << 20, 'x')));
    constexpr std::int64_t kBound = 20L << 20;
    const auto removed = prune_all(*store_, {.max_bytes = kBound});
    EXPECT_GE(removed, 20);
    EXPECT_LE(removed, 26) << "a step beyond the bound at most";
    for (std::size_t i = 0; i < events.size(); ++i)
        EXPECT_EQ(is_kept(events[i]), std::cmp_greater_equal(i, removed)) << i;
    EXPECT_EQ(prune_all(*store_, {.max_bytes = kBound}), 0);
}

TEST_P(RetentionConformance, NeverRemovesAnEventWithAnUnfinishedCallout) {
    const auto notification = given_notification(sample_notification("n"));
    NewCallout first_of_key = sample_callout(notification);
    NewCallout behind_it = sample_callout(notification);
    first_of_key.order_key = behind_it.order_key = "account-7";
    const auto active = given_event(kNow - hours(9), {first_of_key});
    const auto waiting = given_event(kNow - hours(8), {behind_it});
    const auto pending = given_callout_in(notification, CalloutState::kPending, kNow - hours(7));
    const auto in_flight = given_callout_in(notification, CalloutState::kClaimed, kNow - hours(6));
    const auto delivered = sample_callout(notification);
    const auto unfinished = sample_callout(notification);
    const auto half_done = given_event(kNow - hours(5), {delivered, unfinished});
    finish(delivered.id, CalloutState::kDelivered);

    const HistoryBounds bounds{.keep_since = kNow, .max_bytes = 0};
    EXPECT_EQ(prune_all(*store_, bounds), 0);
    EXPECT_EQ(store_->callout(behind_it.id)->reason, "ordered");
    EXPECT_EQ(store_->callout(pending.id)->state, CalloutState::kPending);
    EXPECT_EQ(store_->callout(in_flight.id)->state, CalloutState::kClaimed);
    EXPECT_EQ(store_->callout(delivered.id)->state, CalloutState::kDelivered);

    finish(first_of_key.id, CalloutState::kDelivered);
    finish(unfinished.id, CalloutState::kDead);
    EXPECT_EQ(prune_all(*store_, bounds), 2);
    EXPECT_FALSE(is_kept(active));
    EXPECT_FALSE(is_kept(half_done));
    EXPECT_TRUE(is_kept(waiting)) << "its turn has come, it is not over";
    EXPECT_EQ(claim(*store_, notification.id, 10)->callouts.size(), 2U);
}

TEST_P(RetentionConformance, NothingOfARemovedEventCanBeFound) {
    const auto notification = given_notification(sample_notification("n"));
    NewCallout callout = sample_callout(notification);
    callout.claimed = true;
    const auto event = given_event(kNow, {callout});
    ASSERT_TRUE(record(*store_, {sample_attempt(callout.id, 1)},
                       {.id = callout.id,
                        .notification = {},
                        .state = CalloutState::kDead,
                        .reason = "gone",
                        .attempts = 1}));
    EXPECT_EQ(prune_all(*store_, {.keep_since = kNow + hours(1)}), 1);
    EXPECT_EQ(store_->event(event).error().code, "not_found");
    EXPECT_EQ(store_->callouts_of(event).error().code, "not_found");
    EXPECT_EQ(store_->callout(callout.id).error().code, "not_found");
    EXPECT_EQ(store_->retry_callout(callout.id, kNow).error().code, "not_found");
    EXPECT_EQ(store_->cancel_callout(callout.id).error().code, "not_found");
    EXPECT_THAT(*store_->attempts_of(callout.id), IsEmpty());
    for (const auto state : {CalloutState::kDead, CalloutState::kDelivered})
        EXPECT_THAT(listed(*store_, {.state = state}), IsEmpty());
    EXPECT_THAT(listed(*store_, {}), IsEmpty());
    EXPECT_EQ(store_->retry_dead({}, kNow, 10, false).value().count, 0);
}

TEST_P(RetentionConformance, AnIdempotencyKeyIsFreeAgainOnceItsEventIsGone) {
    const auto first = given_event(kNow, {}, "{}", "key-1");
    EXPECT_EQ(append(*store_, event_at(kNow, {}, "[]", "key-1"))->status,
              AppendStatus::kKeyConflict);
    EXPECT_EQ(prune_all(*store_, {.keep_since = kNow + hours(1)}), 1);
    const auto second = given_event(kNow, {}, "[]", "key-1");
    EXPECT_NE(first, second);
    EXPECT_EQ(store_->event(second)->data, "[]");
}

// SQLite gives the row number of the newest event to the next one when the newest is removed.
TEST_P(RetentionConformance, AnEventAfterTheRemovalOfTheNewestIsDeliveredWithItsOwnData) {
    const auto notification = given_notification(sample_notification("n"));
    const auto first = sample_callout(notification);
    given_event(kNow, {first}, R"("first")");
    const auto held = claim(*store_, notification.id, 1);  // as a worker that is about to let go
    ASSERT_EQ(held->callouts.size(), 1U);
    finish(first.id, CalloutState::kDelivered);
    EXPECT_EQ(prune_all(*store_, {.keep_since = kNow + hours(1)}), 1);

    given_event(kNow, {sample_callout(notification)}, R"("second")");
    const auto claimed = claim(*store_, notification.id, 1);
    ASSERT_EQ(claimed->callouts.size(), 1U);
    EXPECT_EQ(claimed->callouts[0].event->data, R"("second")");
}

TEST_P(RetentionConformance, CountsStayRightForNotificationsThatExistAndThatDoNot) {
    const auto kept = given_notification(sample_notification("kept"));
    const auto deleted = given_notification(sample_notification("deleted"));
    for (const auto* notification : {&kept, &deleted}) {
        for (const auto received_at : {kNow - hours(2), kNow}) {
            for (const auto state :
                 {CalloutState::kDelivered, CalloutState::kDead, CalloutState::kCancelled})
                given_callout_in(*notification, state, received_at);
        }
    }
    given_callout_in(kept, CalloutState::kPending, kNow - hours(2));
    ASSERT_TRUE(store_->delete_notification("deleted", false));

    EXPECT_EQ(prune_all(*store_, {.keep_since = kNow - hours(1)}), 6);
    for (const bool again : {false, true}) {
        if (again) reopen();
        const auto counts = store_->counts();
        EXPECT_EQ(counts->events, 7);
        ASSERT_EQ(counts->notifications.size(), 2U);
        for (const NotificationCounts& of : counts->notifications) {
            EXPECT_EQ(of.pending, of.name == "kept" ? 1 : 0);
            EXPECT_EQ(of.claimed, 0);
            EXPECT_EQ(of.delivered, 1) << of.name;
            EXPECT_EQ(of.dead, 1) << of.name;
            EXPECT_EQ(of.cancelled, 1) << of.name;
        }
        EXPECT_EQ(counts->notifications[0].name, "");
        EXPECT_EQ(counts->notifications[1].name, "kept");
    }
    ASSERT_TRUE(
        store_->cancel_callout(listed(*store_, {.state = CalloutState::kPending}).at(0).id));
    EXPECT_TRUE(store_->delete_notification("kept", false)) << "nothing unfinished is counted";
}

TEST_P(RetentionConformance, AStepLooksAtALimitedNumberOfEvents) {
    for (int i = 0; i < 450; ++i) given_event(kNow - hours(1));
    const HistoryBounds bounds{.keep_since = kNow};
    std::vector<std::int64_t> steps;
    std::optional<std::int64_t> resume_after = 0;
    while (resume_after) {
        const auto pruned = prune(*store_, bounds, *resume_after);
        steps.push_back(pruned.events);
        resume_after = pruned.resume_after;
    }
    EXPECT_THAT(steps, ElementsAre(200, 200, 50));
}

TEST_P(RetentionConformance, AStepLooksAtALimitedNumberOfCalloutsFinishedOrNot) {
    const auto notification = given_notification(sample_notification("n"));
    for (const bool are_finished : {true, false}) {
        for (int i = 0; i < 12; ++i) {
            std::vector<NewCallout> callouts(100);
            for (NewCallout& callout : callouts) callout = sample_callout(notification);
            given_event(kNow - hours(1), callouts);
            std::vector<CalloutUpdate> ends;
            for (const NewCallout& callout : callouts)
                ends.push_back(
                    {.id = callout.id, .notification = {}, .state = CalloutState::kDelivered});
            if (!are_finished) ends.pop_back();
            ASSERT_TRUE(update(*store_, ends));
        }
        const auto pruned = prune(*store_, {.keep_since = kNow}, 0);
        EXPECT_EQ(pruned.events, are_finished ? 5 : 0);
        EXPECT_EQ(pruned.resume_after, 5) << "by the number of the event";
        EXPECT_EQ(prune_all(*store_, {.keep_since = kNow}), are_finished ? 7 : 0);
    }
    EXPECT_EQ(store_->counts()->notifications.at(0).pending, 12);
}

TEST_P(RetentionConformance, AStepRemovesALimitedNumberOfAttempts) {
    const auto notification = given_notification(sample_notification("n"));
    for (int i = 0; i < 12; ++i) {
        NewCallout callout = sample_callout(notification);
        callout.claimed = true;
        given_event(kNow - hours(1), {callout});
        std::vector<AttemptRecord> attempts;
        for (int number = 1; number < 100; ++number)
            attempts.push_back(sample_attempt(callout.id, number));
        ASSERT_TRUE(record(
            *store_, attempts,
            {.id = callout.id, .notification = {}, .state = CalloutState::kDead, .attempts = 99}));
    }
    EXPECT_EQ(prune(*store_, {.keep_since = kNow}, 0).events, 5);
}

TEST_P(RetentionConformance, AStepRemovesALimitedAmountOfData) {
    for (int i = 0; i < 8; ++i) given_event(kNow - hours(1), {}, std::string(1 << 18, 'x'));
    EXPECT_EQ(prune(*store_, {.keep_since = kNow}, 0).events, 4);
}

INSTANTIATE_TEST_SUITE_P(Sqlite, RetentionConformance, ::testing::Bool(), name_of_mode);

}  // namespace
}  // namespace herald::storage
