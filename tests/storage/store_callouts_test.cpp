#include <gmock/gmock.h>

#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;

class StoreCalloutConformance : public StoreConformance {};

std::vector<core::CalloutId> ids_of(const std::vector<CalloutRecord>& callouts) {
    std::vector<core::CalloutId> ids;
    for (const CalloutRecord& callout : callouts) ids.push_back(callout.id);
    return ids;
}

TEST_P(StoreCalloutConformance, KeepsEventDataByteForByte) {
    std::string data = R"({"n":1.0000000000000000001,"e":1e400,"z":-0})";
    data += std::string("\xff\0\xfe", 3);
    const EventPtr event = sample_event(data, "key-1");
    ASSERT_EQ(append(*store_, sample_new_event(*store_, event))->status, AppendStatus::kStored);
    reopen();
    const auto found = store_->event(event->id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->data, data);
    EXPECT_EQ(found->type, event->type);
    EXPECT_EQ(found->key, "key-1");
    EXPECT_EQ(found->occurred_at, kToldAt);
    EXPECT_EQ(found->received_at, kNow);
    EXPECT_TRUE(store_->callouts_of(event->id)->empty());
    EXPECT_EQ(store_->callouts_of(new_id<core::EventId>()).error().code, "not_found");
    EXPECT_EQ(store_->event(new_id<core::EventId>()).error().code, "not_found");
}

TEST_P(StoreCalloutConformance, TheSameKeyGivesTheFirstEventAndAnotherBodyAConflict) {
    const auto notification = given_notification(sample_notification("n"));
    const NewCallout callout = sample_callout(notification);
    const EventPtr first = sample_event("{}", "k");
    ASSERT_EQ(append(*store_, sample_new_event(*store_, first, {callout}))->status,
              AppendStatus::kStored);

    NewEvent again =
        sample_new_event(*store_, sample_event("{}", "k"), {sample_callout(notification)});
    again.catalogue_version = 0;  // a duplicate needs no new match
    const auto duplicate = append(*store_, again);
    EXPECT_EQ(duplicate->status, AppendStatus::kDuplicate);
    EXPECT_EQ(duplicate->event, first->id);
    EXPECT_THAT(ids_of(duplicate->callouts), ElementsAre(callout.id));
    EXPECT_EQ(append(*store_, sample_new_event(*store_, sample_event("{ }", "k")))->status,
              AppendStatus::kKeyConflict);
    EXPECT_EQ(store_->counts()->events, 1);
}

TEST_P(StoreCalloutConformance, AnEventMatchedAgainstAnOldCatalogueIsNotStored) {
    NewEvent event = sample_new_event(*store_, sample_event());
    given_notification(sample_notification("n"));
    EXPECT_EQ(append(*store_, event)->status, AppendStatus::kStaleCatalogue);
    EXPECT_EQ(store_->event(event.event->id).error().code, "not_found");
    event.catalogue_version = store_->catalogue_version();
    EXPECT_EQ(append(*store_, event)->status, AppendStatus::kStored);
}

TEST_P(StoreCalloutConformance, ClaimsByDueTimeAndTellsWhenTheNextFallsDue) {
    const auto notification = given_notification(sample_notification("n"));
    const auto other = given_notification(sample_notification("other"));
    given_callout(other);
    std::vector<core::CalloutId> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(given_callout(notification));
    ASSERT_TRUE(update(*store_, {{.id = ids[0],
                                  .notification = {},
                                  .due_at = kNow + minutes(3),
                                  .attempts = 2,
                                  .failures = 1},
                                 {.id = ids[1], .notification = {}, .due_at = kNow - minutes(1)},
                                 {.id = ids[2], .notification = {}, .due_at = kNow - minutes(2)},
                                 {.id = ids[3], .notification = {}, .due_at = kNow}}));

    auto first = claim(*store_, notification.id, 2);
    ASSERT_TRUE(first);
    ASSERT_EQ(first->callouts.size(), 2U);
    EXPECT_EQ(first->callouts[0].id, ids[2]);
    EXPECT_EQ(first->callouts[1].id, ids[1]);
    EXPECT_EQ(first->callouts[0].event->type, "invoice.posted");
    EXPECT_EQ(first->next_first_try_at, kNow);
    const auto second = claim(*store_, notification.id, 10);
    ASSERT_EQ(second->callouts.size(), 1U);
    EXPECT_EQ(second->next_retry_at, kNow + minutes(3));
    EXPECT_FALSE(second->next_first_try_at);
    const auto third = claim(*store_, notification.id, 10, kNow + minutes(3));
    ASSERT_EQ(third->callouts.size(), 1U);
    EXPECT_EQ(third->callouts[0].attempts, 2);
    EXPECT_EQ(third->callouts[0].failures, 1);
    EXPECT_FALSE(third->next_retry_at);
    EXPECT_TRUE(claim(*store_, notification.id, 10, kNow + minutes(9))->callouts.empty());
    EXPECT_EQ(store_->callout(ids[1])->state, CalloutState::kClaimed);
}

TEST_P(StoreCalloutConformance, CalloutsOfOneEventShareItsData) {
    const auto a = given_notification(sample_notification("a"));
    const auto b = given_notification(sample_notification("b"));
    ASSERT_TRUE(append(*store_, sample_new_event(*store_, sample_event(),
                                                 {sample_callout(a), sample_callout(b)})));
    const auto first = claim(*store_, a.id, 1);
    const auto second = claim(*store_, b.id, 1);
    EXPECT_EQ(first->callouts.at(0).event, second->callouts.at(0).event);
}

TEST_P(StoreCalloutConformance, AClaimHoldsABoundedAmountOfData) {
    const auto notification = given_notification(sample_notification("n"));
    for (int i = 0; i < 20; ++i) {
        NewEvent event = sample_new_event(*store_, sample_event(std::string(1 << 20, 'x')),
                                          {sample_callout(notification)});
        ASSERT_TRUE(append(*store_, event));
    }
    const auto claimed = claim(*store_, notification.id, 1000);
    EXPECT_EQ(claimed->callouts.size(), 16U);
    EXPECT_LE(claimed->next_first_try_at, kNow);
}

TEST_P(StoreCalloutConformance, RecordsAnAttemptWithItsResendAndTheNextState) {
    const auto notification = given_notification(sample_notification("n", given_provider("crm")));
    const auto id = given_callout(notification, true);
    AttemptRecord refused = sample_attempt(id, 1, AttemptOutcome::kRetry);
    refused.status = 401;
    refused.response_excerpt = std::string("\0\xff<b>", 5);
    refused.token_generation = 3;
    AttemptRecord resent = sample_attempt(id, 1, AttemptOutcome::kRetry);
    resent.resend = true;
    resent.status = std::nullopt;
    resent.error = "connect: refused";
    ASSERT_TRUE(record(*store_, {refused, resent},
                       {.id = id,
                        .notification = {},
                        .reason = "retry",
                        .due_at = kNow + minutes(5),
                        .attempts = 1,
                        .failures = 1}));
    reopen();

    const auto callout = store_->callout(id);
    EXPECT_EQ(callout->state, CalloutState::kPending);
    EXPECT_EQ(callout->reason, "retry");
    EXPECT_EQ(callout->due_at, kNow + minutes(5));
    EXPECT_EQ(callout->attempts, 1);
    EXPECT_EQ(callout->failures, 1);
    EXPECT_EQ(callout->provider_name, "crm");
    const auto attempts = store_->attempts_of(id);
    ASSERT_EQ(attempts->size(), 2U);
    EXPECT_EQ((*attempts)[0].status, 401);
    EXPECT_EQ((*attempts)[0].response_excerpt, refused.response_excerpt);
    EXPECT_EQ((*attempts)[0].token_generation, 3);
    EXPECT_EQ((*attempts)[0].duration, std::chrono::milliseconds(31));
    EXPECT_FALSE((*attempts)[0].resend);
    EXPECT_TRUE((*attempts)[1].resend);
    EXPECT_EQ((*attempts)[1].number, 1);
    EXPECT_EQ((*attempts)[1].error, "connect: refused");
    EXPECT_EQ(
        record(*store_, {}, {.id = new_id<core::CalloutId>(), .notification = {}}).error().code,
        "not_found");
}

TEST_P(StoreCalloutConformance, ALateOutcomeIsKeptAsHistoryAndDoesNotRevive) {
    const auto notification = given_notification(sample_notification("n"));
    const auto id = given_callout(notification, true);
    ASSERT_TRUE(
        update(*store_, {{.id = id, .notification = {}, .state = CalloutState::kCancelled}}));
    ASSERT_TRUE(record(*store_, {sample_attempt(id, 1)},
                       {.id = id, .notification = {}, .due_at = kNow, .attempts = 1}));
    EXPECT_EQ(store_->callout(id)->state, CalloutState::kCancelled);
    EXPECT_EQ(store_->callout(id)->attempts, 1);
    EXPECT_EQ(store_->attempts_of(id)->size(), 1U);
    ASSERT_TRUE(
        update(*store_, {{.id = id, .notification = {}, .due_at = kNow},
                         {.id = new_id<core::CalloutId>(), .notification = {}, .due_at = kNow}}));
    EXPECT_EQ(store_->callout(id)->state, CalloutState::kCancelled);
}

TEST_P(StoreCalloutConformance, WhereNothingIsKnownEverythingClaimedCountsAsSent) {
    const auto notification = given_notification(sample_notification("n"));
    const auto flying = given_callouts(notification, 1100, true);
    const auto waiting = given_callout(notification);
    reopen();
    const auto recovered = store_->take_lease("test", kNow + minutes(1));
    EXPECT_FALSE(recovered->exact);
    EXPECT_EQ(recovered->sent_again, 1100);
    const auto callout = store_->callout(flying[700]);
    EXPECT_EQ(callout->state, CalloutState::kPending);
    EXPECT_EQ(callout->reason, "unknown_crash");
    EXPECT_EQ(callout->due_at, kNow + minutes(1));
    EXPECT_EQ(callout->attempts, 1);
    EXPECT_EQ(callout->failures, 0);
    const auto attempts = store_->attempts_of(flying[700]);
    ASSERT_EQ(attempts->size(), 1U);
    EXPECT_EQ((*attempts)[0].number, 1);
    EXPECT_EQ((*attempts)[0].outcome, AttemptOutcome::kUnknownCrash);
    EXPECT_TRUE(store_->attempts_of(waiting)->empty());
    EXPECT_EQ(store_->take_lease("test", kNow)->sent_again, 0);
}

TEST_P(StoreCalloutConformance, RetriesDeadAndCancelledCalloutsAndCountsOn) {
    const auto notification = given_notification(sample_notification("n"));
    const auto dead = given_callout(notification, true);
    const auto delivered = given_callout(notification, true);
    const auto flying = given_callout(notification, true);
    ASSERT_EQ(store_->start_sending(flying, notification.id), CalloutQueue::Sending::kMayStart);
    ASSERT_TRUE(record(*store_, {sample_attempt(dead, 3)},
                       {.id = dead,
                        .notification = {},
                        .state = CalloutState::kDead,
                        .reason = "gone",
                        .attempts = 3,
                        .failures = 3}));
    ASSERT_TRUE(record(
        *store_, {sample_attempt(delivered, 1)},
        {.id = delivered, .notification = {}, .state = CalloutState::kDelivered, .attempts = 1}));
    const auto retried = store_->retry_callout(dead, kNow);
    ASSERT_TRUE(retried);
    EXPECT_EQ(retried->state, CalloutState::kPending);
    EXPECT_EQ(retried->attempts, 3);
    EXPECT_EQ(retried->failures, 0);
    EXPECT_EQ(retried->due_at, kNow);
    EXPECT_EQ(store_->retry_callout(delivered, kNow).error().code, "callout_delivered");
    EXPECT_EQ(store_->retry_callout(flying, kNow).error().code, "callout_in_flight");
    EXPECT_EQ(store_->cancel_callout(flying).error().code, "callout_in_flight");
    EXPECT_EQ(store_->cancel_callout(delivered).error().code, "callout_finished");
    EXPECT_EQ(store_->cancel_callout(dead)->state, CalloutState::kCancelled);
    EXPECT_EQ(store_->cancel_callout(new_id<core::CalloutId>()).error().code, "not_found");
    EXPECT_EQ(store_->retry_callout(dead, kNow)->state, CalloutState::kPending);
}

TEST_P(StoreCalloutConformance, RetriesTheDeadByFilterUpToALimit) {
    const auto a = given_notification(sample_notification("a"));
    const auto b = given_notification(sample_notification("b"));
    auto ids = given_callouts(a, 1200);
    std::ranges::copy(given_callouts(b, 100), std::back_inserter(ids));
    std::vector<CalloutUpdate> deaths;
    for (const auto& id : ids)
        deaths.push_back(
            {.id = id, .notification = {}, .state = CalloutState::kDead, .reason = "gone"});
    ASSERT_TRUE(update(*store_, deaths));
    EXPECT_EQ(store_->retry_dead({}, kNow, 10, true).value().count, 1300);
    EXPECT_EQ(store_->retry_dead({.notification = "b"}, kNow, 10, true).value().count, 100);
    EXPECT_EQ(store_->retry_dead({.notification = "b"}, kNow, 60, false).value().count, 60);
    EXPECT_EQ(store_->retry_dead({.notification = "b"}, kNow, 60, false).value().count, 40);
    EXPECT_EQ(store_->retry_dead({}, kNow, 5000, false).value().count, 1200);
    EXPECT_EQ(store_->retry_dead({}, kNow, 5000, false).value().count, 0);
    EXPECT_EQ(store_->counts()->notifications.at(0).pending, 1200);
}

TEST_P(StoreCalloutConformance, CountsWithoutReadingCallouts) {
    const auto a = given_notification(sample_notification("a"));
    const auto b = given_notification(sample_notification("b"));
    const auto oldest = given_callout(a, true);
    ASSERT_TRUE(record(*store_, {sample_attempt(oldest, 1)},
                       {.id = oldest,
                        .notification = {},
                        .due_at = core::SystemClock().stored_now() + std::chrono::hours(5),
                        .attempts = 1}));
    given_callout(b);
    const auto done = given_callout(b, true);
    ASSERT_TRUE(
        record(*store_, {sample_attempt(done, 1)},
               {.id = done, .notification = {}, .state = CalloutState::kDelivered, .attempts = 1}));
    given_callout(b, true);
    reopen();
    const auto counts = store_->counts();
    ASSERT_TRUE(counts);
    EXPECT_EQ(counts->events, 4);
    ASSERT_EQ(counts->notifications.size(), 2U);
    EXPECT_EQ(counts->notifications[0].name, "a");
    EXPECT_EQ(counts->notifications[0].pending, 1);
    EXPECT_EQ(counts->notifications[1].id, b.id);
    EXPECT_EQ(counts->notifications[1].pending, 1);
    EXPECT_EQ(counts->notifications[1].in_flight, 1) << "nobody knows better after the restart";
    EXPECT_EQ(counts->notifications[1].delivered, 1);
    EXPECT_EQ(counts->oldest_pending_at, store_->callout(oldest)->created_at)
        << "it waits for a retry that is not due";
}

TEST_P(StoreCalloutConformance, ListsByKeysetAndExactFilters) {
    const auto a = given_notification(sample_notification("a"));
    const auto b = given_notification(sample_notification("b_%"));
    std::vector<core::CalloutId> all;
    for (int i = 0; i < 30; ++i) {
        NewCallout callout = sample_callout(i % 3 == 0 ? b : a);
        callout.id = new_id<core::CalloutId>(kNow + minutes(i));
        callout.claimed = i % 5 == 0;
        ASSERT_TRUE(append(*store_, sample_new_event(*store_, sample_event(), {callout})));
        all.push_back(callout.id);
    }
    std::ranges::reverse(all);

    std::vector<core::CalloutId> walked;
    CalloutFilter filter{.limit = 7};
    for (auto page = listed(*store_, filter); !page.empty(); page = listed(*store_, filter)) {
        EXPECT_LE(page.size(), 7U);
        for (const auto& callout : page) walked.push_back(callout.id);
        filter.before = walked.back();
    }
    EXPECT_EQ(walked, all);
    EXPECT_EQ(listed(*store_, {.notification = "b_%"}).size(), 10U);
    for (const char* name : {"b__", "%", "b\\_%", "'"}) {
        EXPECT_TRUE(listed(*store_, {.notification = name}).empty()) << name;
        EXPECT_TRUE(
            listed(*store_, {.state = CalloutState::kPending, .notification = name}).empty());
    }
    EXPECT_EQ(listed(*store_, {.state = CalloutState::kClaimed}).size(), 6U);
    EXPECT_EQ(listed(*store_, {.state = CalloutState::kPending, .notification = "b_%"}).size(), 8U);
    EXPECT_EQ(listed(*store_, {.since = kNow + minutes(20)}).size(), 10U);
    EXPECT_EQ(listed(*store_, {.limit = 0}).size(), 1U);
    const auto one = store_->callout(all[0]);
    EXPECT_EQ(listed(*store_, {.event = one->event}).at(0).id, all[0]);
    EXPECT_TRUE(listed(*store_, {.state = CalloutState::kDead, .event = one->event}).empty());
}

TEST_P(StoreCalloutConformance, ListsFinishedCalloutsByState) {
    const auto a = given_notification(sample_notification("a"));
    const auto b = given_notification(sample_notification("b"));
    for (const auto state :
         {CalloutState::kDead, CalloutState::kCancelled, CalloutState::kDelivered}) {
        for (const auto* notification : {&a, &b}) {
            const auto id = given_callout(*notification, true);
            ASSERT_TRUE(update(*store_, {{.id = id, .notification = {}, .state = state}}));
            const auto of_both = listed(*store_, {.state = state});
            EXPECT_EQ(of_both.at(0).id, std::max(id, of_both.at(0).id));
            const auto of_one =
                listed(*store_, {.state = state, .notification = notification->name});
            EXPECT_THAT(ids_of(of_one), ElementsAre(id));
        }
        EXPECT_EQ(listed(*store_, {.state = state}).size(), 2U);
    }
}

TEST_P(StoreCalloutConformance, RefusesEverythingOnceClosed) {
    given_notification(sample_notification("n"));
    store_->close();
    store_->close();
    EXPECT_EQ(append(*store_, sample_new_event(*store_, sample_event())).error().code,
              "storage_error");
    EXPECT_EQ(store_->notifications().error().code, "storage_error");
    EXPECT_EQ(store_->add_notification(sample_notification("m")).error().code, "storage_error");
    const auto wal = path().string() + "-wal";
    EXPECT_TRUE(!std::filesystem::exists(wal) || std::filesystem::file_size(wal) == 0);
    reopen();
    EXPECT_EQ(store_->notifications()->size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreCalloutConformance, ::testing::Bool(), name_of_mode);

}  // namespace
}  // namespace herald::storage
