#include "storage/sqlite/writer.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <future>
#include <latch>

#include "storage/sqlite/database_file.h"
#include "storage/sqlite/hardening.h"
#include "storage/sqlite/open_database.h"
#include "tests/support/temp_directory.h"

namespace herald::storage::sqlite {
namespace {

/// A writer over a real database, given operations that count rows of `counter`.
class WriterTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(prepare_database_file(path_));
        session_.emplace(open_writer(path_, ring_, clock_), path_, ring_, clock_);
        start(true);
    }

    void start(bool thread, std::optional<Ballast> ballast = std::nullopt,
               std::chrono::milliseconds outcome_pace = std::chrono::milliseconds{1}) {
        writer_.reset();
        WriterOptions options{.thread = thread, .max_batch = 64, .outcome_pace = outcome_pace};
        options.max_batch_cost = {.rows = 1000, .bytes = 4000};
        options.max_waiting_events = {.rows = 2000, .bytes = 20'000};
        options.most_wal_pages = 100;
        options.hold_readers = [this](bool hold) { holds_readers_ = hold; };
        options.on_fatal = [this](const core::Error& error) { fatal_.push_back(error.code); };
        writer_.emplace(*session_, std::move(ballast), std::move(options));
    }

    template <class Body>
    std::future<core::Result<int>> submit(Body body, Operation::Kind kind = Operation::Kind::kOther,
                                          Cost cost = {}) {
        auto promise = std::make_shared<std::promise<core::Result<int>>>();
        auto future = promise->get_future();
        core::Done<int> done = [promise](core::Result<int> result) {
            promise->set_value(std::move(result));
        };
        writer_->submit(make_operation<int>(kind, std::move(body), std::move(done), cost));
        return future;
    }

    /// Yields how many transactions took effect before its own.
    std::future<core::Result<int>> submit_sized(Operation::Kind kind, Cost cost) {
        return submit([](WriteSession& session) { return static_cast<int>(session.commits()); },
                      kind, cost);
    }

    static int add_row(WriteSession& session, int number) {
        session.db.run("INSERT INTO counter (name, value) VALUES (?, 1)", std::to_string(number));
        return number;
    }

    /// Holds the writer's thread until it is let go, so that what follows waits in one queue.
    class Gate {
    public:
        explicit Gate(WriterTest& test)
            : held_(test.submit(
                  [this](WriteSession& /*session*/) {
                      entered_.count_down();
                      release_.wait();
                      return 0;
                  },
                  Operation::Kind::kAlone)) {
            entered_.wait();
        }
        void open() {
            release_.count_down();
            held_.wait();
        }

    private:
        std::latch entered_{1};
        std::latch release_{1};
        std::future<core::Result<int>> held_;
    };

    std::int64_t rows() {
        auto row = session_->db.query("SELECT count(*) FROM counter");
        return row.next() ? row.take<std::int64_t>() : -1;
    }

    test::TempDirectory directory_;
    std::filesystem::path path_ = directory_.file("herald.db");
    KeyRing ring_ = KeyRing::create(directory_.file("key")).value();
    core::SystemClock clock_;
    std::optional<WriteSession> session_;
    std::vector<std::string> fatal_;
    bool holds_readers_ = false;
    std::optional<Writer> writer_;
};

TEST_F(WriterTest, WhatWaitsIsCommittedTogetherInOrder) {
    Gate gate(*this);
    const auto commits = session_->commits();
    std::vector<std::future<core::Result<int>>> results;
    std::vector<int> order;
    for (int i = 0; i < 100; ++i) {
        results.push_back(submit([i, &order](WriteSession& session) {
            order.push_back(i);
            return add_row(session, i);
        }));
    }
    gate.open();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get().value(), i);
    EXPECT_TRUE(std::ranges::is_sorted(order));
    EXPECT_EQ(session_->commits() - commits, 2);  // batches of 64 and 36
    writer_->stop();
    EXPECT_EQ(rows(), 100);
}

TEST_F(WriterTest, EightOutcomesTakeTheRoomOfOneOtherOperation) {
    Gate gate(*this);
    const auto commits = session_->commits();
    std::vector<std::future<core::Result<int>>> results;
    const auto submit_many = [&](int count, Operation::Kind kind) {
        for (int i = 0; i < count; ++i) {
            const int number = static_cast<int>(results.size());
            results.push_back(
                submit([number](WriteSession& session) { return add_row(session, number); }, kind));
        }
    };
    submit_many(32, Operation::Kind::kDelivery);
    submit_many(32 * 8, Operation::Kind::kOutcome);  // the first batch is full
    submit_many(64 * 8, Operation::Kind::kOutcome);
    gate.open();
    for (auto& result : results) EXPECT_TRUE(result.get());
    EXPECT_EQ(session_->commits() - commits, 2);
    writer_->stop();
    EXPECT_EQ(rows(), 32 + 96 * 8);
}

// With a disk that is full for one of them, thousands of commits would keep everybody waiting.
// Readers that come one after another, each before the last has ended, would let it grow for ever.
TEST_F(WriterTest, ReadersAreHeldBackUntilTheWalBeginsAnew) {
    start(false);
    auto write = [this, number = 0](int count) mutable {
        for (int i = 0; i < count; ++i) {
            EXPECT_TRUE(submit([&number](WriteSession& session) {
                            return add_row(session, ++number);
                        }).get());
        }
    };
    Connection reader = open_reader(path_);
    {
        write(1);
        EXPECT_FALSE(holds_readers_);
        auto pinned = reader.query("SELECT name FROM counter");
        ASSERT_TRUE(pinned.next());
        write(200);
        EXPECT_GT(session_->wal_pages(), 100);
        EXPECT_TRUE(holds_readers_);
    }
    write(3);
    EXPECT_LT(session_->wal_pages(), 100);
    EXPECT_FALSE(holds_readers_);
}

TEST_F(WriterTest, TheNeighboursOfAFailingOperationShareFewCommits) {
    Gate gate(*this);
    const auto commits = session_->commits();
    std::vector<std::future<core::Result<int>>> results;
    for (int i = 0; i < 512; ++i) {
        results.push_back(submit(
            [i](WriteSession& session) {
                if (i == 300) throw Failure(SQLITE_CONSTRAINT, "fails every time");
                return add_row(session, i);
            },
            Operation::Kind::kOutcome));
    }
    gate.open();
    for (int i = 0; i < 512; ++i)
        EXPECT_EQ(results[static_cast<std::size_t>(i)].get().has_value(), i != 300) << i;
    EXPECT_EQ(session_->commits() - commits, 9);  // 256, 128, ... 1
    writer_->stop();
    EXPECT_EQ(rows(), 511);
}

TEST_F(WriterTest, AFailingOperationHarmsNoNeighbour) {
    Gate gate(*this);
    std::vector<std::future<core::Result<int>>> results;
    for (int i = 0; i < 10; ++i) {
        results.push_back(submit([i](WriteSession& session) {
            add_row(session, i);
            if (i == 3) session.db.run("INSERT INTO counter (name, value) VALUES ('0', 1)");
            if (i == 6) throw std::runtime_error("a bug");
            return i;
        }));
    }
    gate.open();
    for (int i = 0; i < 10; ++i) {
        const auto result = results[static_cast<std::size_t>(i)].get();
        EXPECT_EQ(result.has_value(), i != 3 && i != 6) << i;
    }
    writer_->stop();
    EXPECT_EQ(rows(), 8);
    EXPECT_TRUE(fatal_.empty());
}

TEST_F(WriterTest, ARefusalIsAnAnswerAndRollsNothingBack) {
    Gate gate(*this);
    const auto commits = session_->commits();
    auto stored = submit([](WriteSession& session) { return add_row(session, 1); });
    auto refused =
        submit([](WriteSession& /*session*/) -> int { throw Refusal(conflict("taken", "no")); });
    gate.open();
    EXPECT_TRUE(stored.get());
    EXPECT_EQ(refused.get().error().code, "taken");
    EXPECT_EQ(session_->commits() - commits, 1);
}

TEST_F(WriterTest, AfterAnIoErrorNothingIsAcknowledged) {
    Gate gate(*this);
    auto before = submit([](WriteSession& session) { return add_row(session, 1); });
    auto failing = submit([](WriteSession& session) -> int {
        add_row(session, 2);
        throw Failure(SQLITE_IOERR_FSYNC, "disk I/O error");
    });
    auto after =
        submit([](WriteSession& session) { return add_row(session, 3); }, Operation::Kind::kAlone);
    gate.open();
    for (auto* result : {&before, &failing, &after}) {
        const auto error = result->get().error();
        EXPECT_EQ(error.kind, core::ErrorKind::kStorage);
        EXPECT_EQ(error.code, "storage_error");
        EXPECT_NE(error.message.find("outcome unknown, send again with the same key"),
                  std::string::npos);
    }
    EXPECT_EQ(submit([](WriteSession& session) { return add_row(session, 4); }).get().error().code,
              "storage_error");
    EXPECT_EQ(fatal_, std::vector<std::string>{"storage_error"});
    writer_->stop();
    EXPECT_TRUE(writer_->failed());
    EXPECT_EQ(rows(), 0);
}

/// One of the three files of the database.
class LostFileTest : public WriterTest, public ::testing::WithParamInterface<const char*> {
protected:
    void lose() { std::filesystem::remove(path_.string() + GetParam()); }
    void replace() {
        const std::filesystem::path file = path_.string() + GetParam();
        std::filesystem::copy_file(file, directory_.file("twin"));
        std::filesystem::rename(directory_.file("twin"), file);
    }
    void expect_end(std::future<core::Result<int>> last) {
        const auto error = last.get().error();
        EXPECT_EQ(error.code, "storage_error");
        EXPECT_NE(error.message.find("outcome unknown"), std::string::npos) << error.message;
        EXPECT_EQ(fatal_.size(), 1U);
        EXPECT_FALSE(submit([](WriteSession& session) { return add_row(session, 9); }).get());
    }
};

TEST_P(LostFileTest, NothingIsAcknowledgedAfterItWasRemoved) {
    ASSERT_TRUE(submit([](WriteSession& session) { return add_row(session, 1); }).get());
    lose();
    expect_end(submit([](WriteSession& session) { return add_row(session, 2); }));
}

TEST_P(LostFileTest, NothingIsAcknowledgedAfterItWasReplaced) {
    replace();
    expect_end(submit([](WriteSession& session) { return add_row(session, 1); }));
}

TEST_P(LostFileTest, ATransactionDuringWhichItWasRemovedIsNotAcknowledged) {
    expect_end(submit([this](WriteSession& session) {
        lose();
        return add_row(session, 1);
    }));
}

INSTANTIATE_TEST_SUITE_P(Files, LostFileTest, ::testing::Values("", "-wal", "-shm"));

TEST_F(WriterTest, AnotherProgramsLockIsToldAfterTwoSecondsToAllWhoWait) {
    Connection other(path_, Connection::Access::kReadWrite);
    other.script("BEGIN IMMEDIATE");
    Gate gate(*this);
    const auto started = clock_.steady_now();
    std::vector<std::future<core::Result<int>>> results;
    for (int i = 0; i < 200; ++i) {
        results.push_back(submit([i](WriteSession& session) { return add_row(session, i); }));
    }
    gate.open();
    for (auto& result : results) {
        const auto error = result.get().error();
        EXPECT_EQ(error.code, "database_locked");
        EXPECT_EQ(error.kind, core::ErrorKind::kTransient);
    }
    EXPECT_LT(clock_.steady_now() - started, std::chrono::milliseconds(2500));
    other.script("ROLLBACK");
    EXPECT_TRUE(submit([](WriteSession& session) { return add_row(session, 1); }).get());
    EXPECT_TRUE(fatal_.empty());
}

TEST_F(WriterTest, EventsAreRefusedAtOnceWhileTooManyOrTooMuchOfThemWaits) {
    const auto nothing = [](WriteSession& /*session*/) { return 0; };
    for (const Cost cost : {Cost{.rows = 100, .bytes = 1}, Cost{.rows = 1, .bytes = 1000}}) {
        Gate gate(*this);
        std::vector<std::future<core::Result<int>>> waiting;
        for (std::size_t i = 0; i < 20; ++i)
            waiting.push_back(submit(nothing, Operation::Kind::kIngest, cost));
        auto refused = submit(nothing, Operation::Kind::kIngest, cost);
        const auto error = refused.get().error();  // while the gate is shut
        EXPECT_EQ(error.code, "overloaded");
        EXPECT_EQ(error.kind, core::ErrorKind::kTransient);
        auto outcome = submit(nothing, Operation::Kind::kOutcome, cost);
        gate.open();
        EXPECT_TRUE(outcome.get());
        for (auto& one : waiting) EXPECT_TRUE(one.get());
        EXPECT_TRUE(submit(nothing, Operation::Kind::kIngest, cost).get()) << "there is room again";
    }
}

TEST_F(WriterTest, AnEventLargerThanAnyBoundIsStoredOnItsOwn) {
    const Cost huge{.rows = 100'000, .bytes = 1'000'000};
    EXPECT_TRUE(submit_sized(Operation::Kind::kIngest, huge).get());
    EXPECT_TRUE(submit_sized(Operation::Kind::kOther, huge).get());
}

TEST_F(WriterTest, ACommitIsBoundedByItsRowsAndByItsBytes) {
    for (const Cost cost : {Cost{.rows = 250, .bytes = 0}, Cost{.rows = 1, .bytes = 1000}}) {
        for (const auto kind : {Operation::Kind::kIngest, Operation::Kind::kOutcome}) {
            Gate gate(*this);
            const auto commits = session_->commits();
            std::vector<std::future<core::Result<int>>> results;
            for (int i = 0; i < 8; ++i) results.push_back(submit_sized(kind, cost));
            gate.open();
            for (auto& result : results) EXPECT_TRUE(result.get());
            EXPECT_EQ(session_->commits() - commits, 2);
        }
    }
}

TEST_F(WriterTest, AFloodOfLargeEventsDelaysWhatDeliveriesNeedByNoFurtherBatch) {
    Gate gate(*this);
    const auto commits = static_cast<int>(session_->commits());
    std::vector<std::future<core::Result<int>>> events;
    for (int i = 0; i < 20; ++i)
        events.push_back(submit_sized(Operation::Kind::kIngest, {.rows = 2, .bytes = 1000}));
    auto claim = submit_sized(Operation::Kind::kDelivery, {});
    auto outcome = submit_sized(Operation::Kind::kOutcome, {.rows = 2, .bytes = 100});
    gate.open();
    EXPECT_EQ(claim.get().value(), commits);
    EXPECT_EQ(outcome.get().value(), commits);
    EXPECT_EQ(events.back().get().value(), commits + 5) << "three beside them, then four each";
}

TEST_F(WriterTest, AFloodOfOutcomesLeavesRoomForEventsInEveryBatch) {
    Gate gate(*this);
    const auto commits = static_cast<int>(session_->commits());
    std::vector<std::future<core::Result<int>>> outcomes;
    for (int i = 0; i < 64 * 8 * 3; ++i)
        outcomes.push_back(submit_sized(Operation::Kind::kOutcome, {}));
    std::vector<std::future<core::Result<int>>> events;
    for (int i = 0; i < 20; ++i) events.push_back(submit_sized(Operation::Kind::kIngest, {}));
    gate.open();
    for (auto& event : events) EXPECT_EQ(event.get().value(), commits);
    for (auto& outcome : outcomes) EXPECT_TRUE(outcome.get());
}

TEST_F(WriterTest, BetweenTheStepsOfABackupEventsHaveTheirTurn) {
    Gate gate(*this);
    const auto commits = static_cast<int>(session_->commits());
    const auto alone = [this] {
        return submit([](WriteSession& session) { return static_cast<int>(session.commits()); },
                      Operation::Kind::kAlone);
    };
    auto first = alone();
    auto second = alone();
    auto event = submit_sized(Operation::Kind::kIngest, {});
    gate.open();
    EXPECT_EQ(event.get().value(), commits);
    EXPECT_EQ(first.get().value(), commits + 1) << "the gate stood alone before";
    EXPECT_EQ(second.get().value(), commits + 1);
}

// What a claim reads is held in memory until its commit, and beforehand nobody knows how much it
// is.
TEST_F(WriterTest, ABatchThatHasReadMuchIsCommittedAndTheRestFollowsInOrder) {
    Gate gate(*this);
    const auto commits = session_->commits();
    std::vector<int> order;
    std::vector<std::future<core::Result<int>>> claims;
    for (int i = 0; i < 6; ++i) {
        claims.push_back(submit(
            [&order, i](WriteSession& session) {
                session.note_event_bytes_read(10UL << 20);
                order.push_back(i);
                return add_row(session, i);
            },
            Operation::Kind::kDelivery));
    }
    gate.open();
    for (auto& claim : claims) EXPECT_TRUE(claim.get());
    EXPECT_EQ(session_->commits() - commits, 3);
    EXPECT_TRUE(std::ranges::is_sorted(order));
    writer_->stop();
    EXPECT_EQ(rows(), 6);
}

TEST_F(WriterTest, WithoutAThreadACompletionMaySubmitTheNext) {
    start(false);
    int completed = 0;
    core::Done<int> second = [&](core::Result<int> result) { completed += result.value(); };
    core::Done<int> first = [&](core::Result<int> result) {
        completed += result.value();
        writer_->submit(make_operation<int>(
            Operation::Kind::kOther, [](WriteSession& session) { return add_row(session, 20); },
            second));
    };
    writer_->submit(make_operation<int>(
        Operation::Kind::kOther, [](WriteSession& session) { return add_row(session, 1); }, first));
    EXPECT_EQ(completed, 21);
}

TEST_F(WriterTest, AFullDiskRefusesWhatIsNewAndRecoversByItself) {
    start(true, Ballast(path_));
    const std::string reserve = path_.string() + ".ballast";
    ASSERT_TRUE(std::filesystem::exists(reserve));
    const auto big_row = [](WriteSession& session) {
        session.db.run(
            "INSERT INTO meta (key, value) VALUES (randomblob(8) || '', zeroblob(100000))");
        return 1;
    };
    const auto limit = [&](const std::string& pages) {
        return submit(
            [&](WriteSession& session) {
                static_cast<void>(session.db.single("PRAGMA max_page_count = " + pages));
                return 0;
            },
            Operation::Kind::kAlone);
    };
    ASSERT_TRUE(limit("1").get());  // SQLite takes the size it has now
    const auto refused = submit(big_row, Operation::Kind::kIngest).get();
    EXPECT_EQ(refused.error().code, "storage_full");
    EXPECT_EQ(refused.error().kind, core::ErrorKind::kTransient);
    EXPECT_TRUE(std::filesystem::exists(reserve)) << "what is new gets nothing of the reserve";

    // What deliveries need does: an outcome, and a claim where there is none.
    for (const auto kind : {Operation::Kind::kOutcome, Operation::Kind::kDelivery}) {
        ASSERT_TRUE(limit("1").get());
        EXPECT_EQ(submit(big_row, kind).get().error().code, "storage_full");
        EXPECT_FALSE(std::filesystem::exists(reserve));
        ASSERT_TRUE(limit("1000000").get());
        EXPECT_TRUE(submit(big_row, Operation::Kind::kIngest).get());
        EXPECT_TRUE(std::filesystem::exists(reserve));
    }
    EXPECT_TRUE(fatal_.empty());
}

// The number of an event that was not stored after all is given to another one.
TEST_F(WriterTest, ARollbackForgetsTheEventsOfItsTransaction) {
    const auto event = std::make_shared<const EventRecord>();
    auto failed = submit([&event](WriteSession& session) -> int {
        session.events.keep(7, event);
        throw Failure(SQLITE_CONSTRAINT, "fails after it has claimed");
    });
    EXPECT_FALSE(failed.get());
    EXPECT_EQ(
        submit([](WriteSession& session) { return session.events.find(7) == nullptr ? 1 : 0; })
            .get()
            .value(),
        1);
}

TEST_F(WriterTest, CheckpointsItselfAndSurvivesAReaderInTheWay) {
    Connection reader = open_reader(path_);
    const std::string wal = path_.string() + "-wal";
    const auto write_much = [&] {
        for (int i = 0; i < 300; ++i) {
            ASSERT_TRUE(
                submit([](WriteSession& session) {
                    session.db.run(
                        "INSERT OR REPLACE INTO meta (key, value) VALUES ('x', zeroblob(100000))");
                    return 0;
                }).get());
        }
    };
    write_much();
    EXPECT_LT(std::filesystem::file_size(wal), 12U << 20U);
    {
        auto pinned = reader.query("SELECT count(*) FROM meta");
        ASSERT_TRUE(pinned.next());
        write_much();
        EXPECT_GT(std::filesystem::file_size(wal), 20U << 20U);
    }
    write_much();
    EXPECT_LT(std::filesystem::file_size(wal), 17U << 20U);
}

// An outcome waits for company, but never for what nobody sends: an hour stands for "for ever".
class OutcomePaceTest : public WriterTest {
protected:
    void SetUp() override {
        WriterTest::SetUp();
        start(true, std::nullopt, std::chrono::hours(1));
        // The first batch begins a pace.
        ASSERT_TRUE(submit([](WriteSession& session) { return add_row(session, 0); }).get());
    }
    std::future<core::Result<int>> submit_outcome(int number) {
        return submit([number](WriteSession& session) { return add_row(session, number); },
                      Operation::Kind::kOutcome);
    }
};

TEST_F(OutcomePaceTest, AWriteSomebodyWaitsForTakesWaitingOutcomesAlong) {
    auto outcome = submit_outcome(1);
    const auto before = session_->commits();
    ASSERT_TRUE(submit([](WriteSession& session) { return add_row(session, 2); }).get());
    EXPECT_TRUE(outcome.get());
    EXPECT_EQ(session_->commits(), before + 1);
}

TEST_F(OutcomePaceTest, AFullBatchOfOutcomesWaitsForNobody) {
    std::vector<std::future<core::Result<int>>> outcomes;
    for (int i = 1; i <= 64; ++i) outcomes.push_back(submit_outcome(i));
    for (auto& outcome : outcomes) EXPECT_TRUE(outcome.get());
}

TEST_F(OutcomePaceTest, StoppingStoresWhatWaits) {
    auto outcome = submit_outcome(1);
    writer_->stop();
    EXPECT_TRUE(outcome.get());
}

TEST_F(WriterTest, AnOutcomeAloneIsStoredWhenItsTimeHasCome) {
    ASSERT_TRUE(submit([](WriteSession& session) { return add_row(session, 0); }).get());
    EXPECT_TRUE(
        submit([](WriteSession& session) { return add_row(session, 1); }, Operation::Kind::kOutcome)
            .get());
}

}  // namespace
}  // namespace herald::storage::sqlite
