#include "storage/sqlite/callout_list.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <future>

#include "storage/sqlite/open_database.h"
#include "storage/sqlite/readers.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using sqlite::Connection;
using sqlite::Listing;
using sqlite::ListingLimits;
using ::testing::IsEmpty;

class CalloutListTest : public StoreFixture {
protected:
    void SetUp() override {
        open();
        a_ = given_notification(sample_notification("a"));
        b_ = given_notification(sample_notification("b"));
    }

    /// Everything that `filter` finds, going on wherever a listing gives up.
    std::vector<core::CalloutId> all(CalloutFilter filter, const ListingLimits& limits) {
        Connection db = sqlite::open_reader(path());
        std::vector<core::CalloutId> ids;
        for (int listings = 0; listings < 100; ++listings) {
            Listing listing(filter, limits);
            int steps = 0;
            while (!listing.complete()) {
                listing.read_some(db);
                EXPECT_LT(++steps, 6) << "of 5 rows each, 20 in all";
            }
            const CalloutPage page = listing.take();
            for (const CalloutRecord& callout : page.callouts) ids.push_back(callout.id);
            const bool full = page.callouts.size() == filter.limit;
            if (!full && !page.resume_before) return ids;
            filter.before = full ? ids.back() : page.resume_before;
        }
        ADD_FAILURE() << "it goes on for ever";
        return ids;
    }

    std::vector<core::CalloutId> given_in(const NotificationRecord& notification,
                                          CalloutState state, int count) {
        std::vector<core::CalloutId> ids;
        for (int i = 0; i < count; ++i) {
            now_ += std::chrono::milliseconds(1);
            NewCallout callout = sample_callout(notification);
            callout.id = new_id<core::CalloutId>(now_);
            callout.claimed = state == CalloutState::kClaimed;
            EXPECT_TRUE(append(*store_, sample_new_event(*store_, sample_event(), {callout})));
            const bool ends = state != CalloutState::kPending && !callout.claimed;
            if (ends) {
                EXPECT_TRUE(
                    update(*store_, {{.id = callout.id, .notification = {}, .state = state}}));
            }
            ids.push_back(callout.id);
        }
        return ids;
    }

    /// Virtual machine steps of one listing.
    int cost_of(const CalloutFilter& filter) {
        Connection db = sqlite::open_reader(path());
        int hundreds = 0;
        const auto count = [](void* number) {
            ++*static_cast<int*>(number);
            return 0;
        };
        sqlite3_progress_handler(db.handle(), 100, count, &hundreds);
        Listing listing(filter);
        while (!listing.complete()) listing.read_some(db);
        EXPECT_EQ(listing.take().callouts.size(), filter.limit);
        return hundreds;
    }

    NotificationRecord a_;
    NotificationRecord b_;
    core::StoredTime now_ = kNow;
};

TEST_F(CalloutListTest, FindsTheSameByAnyWayAndHoweverOftenItGivesUp) {
    std::map<std::pair<std::string, int>, std::vector<core::CalloutId>> expected;
    for (int round = 0; round < 4; ++round) {
        for (const auto* notification : {&a_, &b_}) {
            for (int state = 0; state < 5; ++state) {
                auto& ids = expected[{notification->name, state}];
                std::ranges::copy(
                    given_in(*notification, static_cast<CalloutState>(state), 1 + state % 3),
                    std::back_inserter(ids));
            }
        }
    }
    for (auto& [of, ids] : expected) {
        std::ranges::sort(ids, std::greater<>());
        for (const std::size_t sorted : {0UL, 3UL, 1000UL}) {
            for (const std::size_t limit : {1UL, 3UL, 1000UL}) {
                SCOPED_TRACE(of.first + " " + std::to_string(of.second) + " sorted " +
                             std::to_string(sorted) + " limit " + std::to_string(limit));
                CalloutFilter filter{.notification = of.first, .limit = limit};
                filter.state = static_cast<CalloutState>(of.second);
                EXPECT_EQ(all(filter, {.sorted = sorted, .rows_a_step = 5, .rows_seen = 20}), ids);
            }
        }
    }
}

TEST_F(CalloutListTest, GivesUpAfterABoundedNumberOfRowsAndSaysWhereToGoOn) {
    const auto ids = given_in(a_, CalloutState::kDelivered, 30);
    Connection db = sqlite::open_reader(path());
    Listing listing({.notification = "b"}, {.rows_a_step = 5, .rows_seen = 20});
    int steps = 0;
    for (; !listing.complete(); ++steps) listing.read_some(db);
    EXPECT_EQ(steps, 4);
    const CalloutPage page = listing.take();
    EXPECT_THAT(page.callouts, IsEmpty());
    EXPECT_EQ(page.resume_before, ids[10]);
}

TEST_F(CalloutListTest, ThePriceOfAPageOfPendingOnesDoesNotGrowWithTheirNumber) {
    given_callouts(a_, 15'000);
    const CalloutFilter of_any{.state = CalloutState::kPending};
    const CalloutFilter of_one{.state = CalloutState::kPending, .notification = "a"};
    const int before = cost_of(of_any);
    const int before_of_one = cost_of(of_one);
    given_callouts(a_, 30'000);
    EXPECT_LE(cost_of(of_any), before + before / 10);
    EXPECT_LE(cost_of(of_one), before_of_one + before_of_one / 10);
}

TEST_F(CalloutListTest, LooksAtABoundedNumberOfDeadOnesOfDeletedNotifications) {
    const auto of_deleted = given_in(a_, CalloutState::kDead, 7);
    const auto kept = given_in(b_, CalloutState::kDead, 1);
    ASSERT_TRUE(store_->delete_notification("a", false));
    Connection db = sqlite::open_reader(path());
    CalloutFilter filter;
    auto step = sqlite::dead_callouts(db, filter, 5);
    EXPECT_THAT(step.ids, IsEmpty());
    EXPECT_EQ(step.last, of_deleted[4]);
    filter.after = step.last;
    step = sqlite::dead_callouts(db, filter, 5);
    EXPECT_EQ(step.ids, kept);
    EXPECT_EQ(store_->retry_dead({}, kNow, 5, true).value().count, 1);
    EXPECT_EQ(store_->retry_dead({}, kNow, 5, false).value().count, 1);
}

TEST_F(CalloutListTest, TheDeadOfOneEventAreCountedOnce) {
    const auto ids = given_callouts(a_, 50);
    std::vector<CalloutUpdate> ends;
    for (const auto& id : ids)
        ends.push_back({.id = id, .notification = {}, .state = CalloutState::kDead});
    ASSERT_TRUE(update(*store_, std::move(ends)));
    CalloutFilter filter;
    filter.event = store_->callout(ids[0])->event;
    EXPECT_EQ(store_->retry_dead(filter, kNow, 100, true).value().count, 50);
    EXPECT_EQ(store_->retry_dead(filter, kNow, 100, false).value().count, 50);
}

class ReadersTest : public StoreFixture {
protected:
    void SetUp() override { open(); }
};

TEST_F(ReadersTest, AReaderDoesNotWaitForAnotherOne) {
    sqlite::Readers readers(path(), 2);
    auto slow = readers.borrow();
    auto pinned = slow->db().query("SELECT name FROM counter");
    static_cast<void>(pinned.next());
    auto other = readers.borrow();
    EXPECT_EQ(other->db().single("SELECT count(*) FROM notification"), "0");
}

TEST_F(ReadersTest, EveryoneGetsATurnHoweverFewThereAre) {
    sqlite::Readers readers(path(), 1);
    std::atomic<int> using_it{0};
    std::vector<std::future<void>> all;
    for (int i = 0; i < 8; ++i) {
        all.push_back(std::async(std::launch::async, [&] {
            for (int turn = 0; turn < 200; ++turn) {
                const auto reader = readers.borrow();
                EXPECT_EQ(++using_it, 1);
                --using_it;
            }
        }));
    }
    for (auto& one : all) one.get();
}

// Where nothing is written any more nobody would let them go on.
TEST_F(ReadersTest, WhoIsHeldBackWaitsForAMomentAtMost) {
    sqlite::Readers readers(path(), 1);
    readers.hold_back(true);
    const auto begun = core::BootClock::now();
    EXPECT_TRUE(readers.borrow());
    EXPECT_GE(core::BootClock::now() - begun, sqlite::Readers::kLongestHold);
    readers.hold_back(false);
    EXPECT_TRUE(readers.borrow());
}

TEST_F(ReadersTest, ClosingWaitsForThoseWhoReadAndRefusesTheNext) {
    sqlite::Readers readers(path(), 1);
    auto reader = readers.borrow();
    auto refused = std::async(std::launch::async, [&] { return readers.borrow().has_value(); });
    auto closed = std::async(std::launch::async, [&] { readers.close(); });
    EXPECT_FALSE(refused.get()) << "it waited, or came later: either way it gets none";
    EXPECT_EQ(reader->db().single("SELECT count(*) FROM event"), "0");
    reader.reset();
    closed.get();
    EXPECT_FALSE(readers.borrow());
}

}  // namespace
}  // namespace herald::storage
