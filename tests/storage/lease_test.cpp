#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>

#include "storage/sqlite/connection.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;
using Sending = CalloutQueue::Sending;

class LeaseConformance : public StoreConformance {
protected:
    void SetUp() override {
        StoreConformance::SetUp();
        notification_ = given_notification(sample_notification("n"));
        ASSERT_TRUE(store_->take_lease("test", kNow));
    }

    /// The owner is gone without a word, and the next one starts.
    Recovered crash() {
        reopen();
        auto recovered = store_->take_lease("test", kNow + minutes(1));
        EXPECT_TRUE(recovered) << recovered.error().message;
        return recovered ? *recovered : Recovered{};
    }
    core::CalloutId given_sent() {
        const auto id = given_callout(notification_, true);
        EXPECT_EQ(store_->start_sending(id, notification_.id), Sending::kMayStart);
        return id;
    }
    void reclaim_and_send(core::CalloutId id) {
        const auto claimed = claim(*store_, notification_.id, 10, kNow + minutes(1));
        ASSERT_EQ(claimed->callouts.size(), 1U);
        EXPECT_EQ(store_->start_sending(id, notification_.id), Sending::kMayStart);
    }
    [[nodiscard]] std::filesystem::path marks_file() const { return path().string() + ".sending"; }

    NotificationRecord notification_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, LeaseConformance, ::testing::Bool(), name_of_mode);

TEST_P(LeaseConformance, WhatWasOnlyClaimedIsGivenBackWithoutAnAttempt) {
    const auto sent = given_sent();
    const auto claimed = given_callout(notification_, true);
    const Recovered recovered = crash();
    EXPECT_TRUE(recovered.exact);
    EXPECT_EQ(recovered.sent_again, 1);
    EXPECT_EQ(recovered.given_back, 1);
    EXPECT_EQ(store_->callout(sent)->reason, "unknown_crash");
    EXPECT_EQ(store_->callout(sent)->crashes, 1);
    EXPECT_EQ(store_->attempts_of(sent)->size(), 1U);
    const auto back = store_->callout(claimed);
    EXPECT_EQ(back->state, CalloutState::kPending);
    EXPECT_EQ(back->reason, std::nullopt);
    EXPECT_EQ(back->attempts, 0);
    EXPECT_EQ(back->due_at, kNow) << "as old as its event";
    EXPECT_TRUE(store_->attempts_of(claimed)->empty());
}

TEST_P(LeaseConformance, AnOutcomeEndsTheDoubt) {
    const auto done = given_sent();
    ASSERT_TRUE(record(*store_, {sample_attempt(done, 1)},
                       {.id = done,
                        .notification = {},
                        .state = CalloutState::kPending,
                        .due_at = kNow,
                        .attempts = 1}));
    EXPECT_EQ(crash().sent_again, 0);
    reclaim_and_send(done);
    ASSERT_TRUE(update(*store_, {{.id = done, .notification = {}, .due_at = kNow, .attempts = 1}}));
    EXPECT_EQ(crash().sent_again, 0);
}

TEST_P(LeaseConformance, ThreeCrashesInARowWhileItWasInFlightEndACallout) {
    const auto id = given_sent();
    EXPECT_EQ(crash().sent_again, 1);
    reclaim_and_send(id);
    EXPECT_EQ(crash().sent_again, 1);
    const auto twice = claim(*store_, notification_.id, 10, kNow + minutes(1));
    ASSERT_EQ(twice->callouts.size(), 1U);
    EXPECT_EQ(twice->callouts[0].crashes, 2);
    ASSERT_EQ(store_->start_sending(id, notification_.id), Sending::kMayStart);
    EXPECT_EQ(crash().crash_loops, 1);
    EXPECT_EQ(store_->callout(id)->state, CalloutState::kDead);
    EXPECT_EQ(store_->callout(id)->reason, "crash_loop");
    EXPECT_EQ(store_->attempts_of(id)->size(), 3U);
    ASSERT_TRUE(store_->retry_callout(id, kNow));
    EXPECT_EQ(store_->callout(id)->crashes, 0) << "a person begins it anew";
}

TEST_P(LeaseConformance, AnOutcomeInBetweenBeginsTheCountAnew) {
    const auto id = given_sent();
    crash();
    reclaim_and_send(id);
    crash();
    reclaim_and_send(id);
    ASSERT_TRUE(record(*store_, {sample_attempt(id, 3)},
                       {.id = id,
                        .notification = {},
                        .state = CalloutState::kPending,
                        .due_at = kNow,
                        .attempts = 3}));
    reclaim_and_send(id);
    EXPECT_EQ(crash().sent_again, 1);
    EXPECT_EQ(store_->callout(id)->crashes, 1);
}

TEST_P(LeaseConformance, ACrashOfTheMachineCountsAgainstNoCallout) {
    const auto sent = given_sent();
    const auto claimed = given_callout(notification_, true);
    store_.reset();
    std::fstream file(marks_file(), std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(file) << "the marks outlive their process";
    file.seekp(32);
    file.write("another boot id", 15);
    file.close();
    const Recovered recovered = crash();
    EXPECT_FALSE(recovered.exact);
    EXPECT_EQ(recovered.sent_again, 2) << "nothing is known, so all may have left";
    EXPECT_EQ(store_->callout(sent)->crashes, 0);
    EXPECT_EQ(store_->callout(claimed)->reason, "unknown_crash");
}

TEST_P(LeaseConformance, MarksOfAnEarlierLeaseSayNothing) {
    static_cast<void>(given_sent());
    store_.reset();
    const auto old = directory_.file("old.sending");
    std::filesystem::copy_file(marks_file(), old);
    crash();
    const auto claimed = given_callout(notification_, true);
    store_.reset();
    std::filesystem::copy_file(old, marks_file(),
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_FALSE(crash().exact);
    EXPECT_EQ(store_->callout(claimed)->reason, "unknown_crash");
}

TEST_P(LeaseConformance, CancelsWhatHasNotLeftAndThenRefusesToSendIt) {
    const auto claimed = given_callout(notification_, true);
    const auto sent = given_sent();
    EXPECT_EQ(store_->cancel_callout(sent).error().code, "callout_in_flight");
    EXPECT_EQ(store_->cancel_callout(claimed)->state, CalloutState::kCancelled);
    EXPECT_EQ(store_->start_sending(claimed, notification_.id), Sending::kCancelled);
    EXPECT_EQ(store_->callout(claimed)->state, CalloutState::kCancelled);
    EXPECT_EQ(store_->retry_callout(sent, kNow).error().code, "callout_in_flight");
}

TEST_P(LeaseConformance, NothingIsSentTwiceWithoutAnOutcomeInBetween) {
    const auto id = given_sent();
    EXPECT_EQ(store_->start_sending(id, notification_.id), Sending::kUnderWay);
    ASSERT_TRUE(record(*store_, {sample_attempt(id, 1)},
                       {.id = id,
                        .notification = {},
                        .state = CalloutState::kPending,
                        .due_at = kNow,
                        .attempts = 1}));
    EXPECT_EQ(store_->start_sending(id, notification_.id), Sending::kMayStart);
}

TEST_P(LeaseConformance, TellsWhatIsClaimedFromWhatIsInFlight) {
    const auto claimed = given_callout(notification_, true);
    const auto sent = given_sent();
    EXPECT_EQ(store_->callout(claimed)->state, CalloutState::kClaimed);
    EXPECT_EQ(store_->callout(sent)->state, CalloutState::kInFlight);
    EXPECT_EQ(store_->callout(sent)->claimed_at, kNow);
    const auto ids = [&](CalloutState state) {
        std::vector<core::CalloutId> found;
        const auto page = store_->list_callouts({.state = state, .limit = 1});
        for (const auto& callout : page->callouts) found.push_back(callout.id);
        return found;
    };
    EXPECT_THAT(ids(CalloutState::kClaimed), ElementsAre(claimed));
    EXPECT_THAT(ids(CalloutState::kInFlight), ElementsAre(sent));
    const auto counts = store_->counts();
    EXPECT_EQ(counts->notifications[0].claimed, 1);
    EXPECT_EQ(counts->notifications[0].in_flight, 1);
}

TEST_P(LeaseConformance, AStopThatLeavesNothingInDoubtLeavesNoFile) {
    const auto id = given_sent();
    EXPECT_TRUE(std::filesystem::exists(marks_file()));
    ASSERT_TRUE(
        record(*store_, {sample_attempt(id, 1)},
               {.id = id, .notification = {}, .state = CalloutState::kDelivered, .attempts = 1}));
    store_.reset();
    EXPECT_FALSE(std::filesystem::exists(marks_file()));
}

TEST_P(LeaseConformance, PeopleCanReadStatesTimesAndIdsWithSqlite) {
    const auto id = given_sent();
    ASSERT_TRUE(
        record(*store_, {sample_attempt(id, 1)},
               {.id = id, .notification = {}, .state = CalloutState::kDelivered, .attempts = 1}));
    const auto event = store_->callout(id)->event;
    sqlite::Connection db(path(), sqlite::Connection::Access::kReadOnly);
    EXPECT_EQ(db.single("SELECT state FROM callouts WHERE id = '" + id.text() + "'"), "delivered");
    EXPECT_EQ(db.single("SELECT event FROM callouts"), event.text());
    EXPECT_EQ(db.single("SELECT created_at FROM callouts"), "2026-11-21T08:00:00.123Z");
    EXPECT_EQ(
        db.single("SELECT claimed_at = created_at AND finished_at > created_at FROM callouts"),
        "1");
    EXPECT_EQ(db.single("SELECT callout || number FROM attempts"), id.text() + "1");
    EXPECT_EQ(db.single("SELECT count(*) FROM events WHERE id = '" + event.text() + "'"), "1");
}

/// An index that contradicts its rows, as a flipped bit leaves it.
class DamagedIndexTest : public StoreFixture {
protected:
    void SetUp() override {
        open(false);
        notification_ = given_notification(sample_notification("n"));
    }
    /// Runs `sql` while SQLite does not keep the index `name` in step.
    void change_behind(const std::string& name, const std::string& sql) {
        store_.reset();
        alter("UPDATE sqlite_schema SET sql = sql || ' AND 0' WHERE name = '" + name + "'");
        alter(sql);
        alter("UPDATE sqlite_schema SET sql = substr(sql, 1, length(sql) - 6) WHERE name = '" +
              name + "'");
        open(false);
    }
    void alter(const std::string& sql) const {
        sqlite3* db = nullptr;
        ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
        char* error = nullptr;
        sqlite3_exec(db, ("PRAGMA writable_schema = ON; " + sql).c_str(), nullptr, nullptr, &error);
        EXPECT_EQ(error, nullptr) << error;
        sqlite3_free(error);
        sqlite3_close(db);
    }

    NotificationRecord notification_;
};

TEST_F(DamagedIndexTest, AnEntryForACalloutThatIsNotPendingStopsTheClaim) {
    const auto ids = given_callouts(notification_, 3);
    change_behind("callout_pending", "UPDATE callout SET state = 2, due_at = NULL");
    const auto claimed = claim(*store_, notification_.id, 10);
    ASSERT_FALSE(claimed);
    EXPECT_EQ(claimed.error().code, "database_damaged");
    EXPECT_EQ(claimed.error().kind, core::ErrorKind::kPermanent)
        << "an outcome refused so is told and ends the process, it is not dropped";
    EXPECT_THAT(claimed.error().message, ::testing::HasSubstr("herald doctor --fix"));
    for (const auto& id : ids) EXPECT_EQ(store_->callout(id)->state, CalloutState::kDelivered);
    EXPECT_EQ(fatal_, "") << "other lanes go on";
}

TEST_F(DamagedIndexTest, AnEntryWithAnotherTimeIsTakenAtMostOnce) {
    static_cast<void>(given_callouts(notification_, 5));
    change_behind("callout_pending", "UPDATE callout SET due_at = due_at + 4096");
    std::size_t taken = 0;
    std::string code;
    for (int i = 0; i < 10; ++i) {
        const auto claimed = claim(*store_, notification_.id, 10);
        if (claimed) taken += claimed->callouts.size();
        if (!claimed) code = claimed.error().code;
    }
    EXPECT_LE(taken, 5U);
    EXPECT_EQ(code, "database_damaged");
}

TEST_F(DamagedIndexTest, ACheckNamesTheIndexAndItIsMadeAnewFromTheRows) {
    const auto ids = given_callouts(notification_, 2);
    EXPECT_THAT(store_->check().value(), ::testing::IsEmpty());
    change_behind("callout_pending", "UPDATE callout SET due_at = due_at + 4096");
    const auto problems = store_->check();
    ASSERT_TRUE(problems) << problems.error().message;
    ASSERT_FALSE(problems->empty());
    EXPECT_THAT(problems->front(), ::testing::HasSubstr("callout_pending"));
    ASSERT_TRUE(store_->rebuild_indexes());
    EXPECT_THAT(store_->check().value(), ::testing::IsEmpty());
    EXPECT_TRUE(claim(*store_, notification_.id, 10)->callouts.empty());
    EXPECT_EQ(claim(*store_, notification_.id, 10, kNow + std::chrono::seconds(5))->callouts.size(),
              2U);
}

TEST_F(DamagedIndexTest, ARecoveryThatCannotMoveWhatItFindsEnds) {
    static_cast<void>(given_callout(notification_, true));
    change_behind("callout_claimed", "UPDATE callout SET state = 2");
    EXPECT_EQ(store_->take_lease("test", kNow).error().code, "database_damaged");
}

}  // namespace
}  // namespace herald::storage
