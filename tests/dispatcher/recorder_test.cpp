#include "dispatcher/recorder.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "tests/dispatcher/refusing_roles.h"
#include "tests/support/fake_clock.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;

/// Fails the first `failures` writes of an outcome with `code`.
class FlakyStore final : public storage::RefusingQueue {
public:
    FlakyStore(int failures, std::string code, core::ErrorKind kind = core::ErrorKind::kTransient)
        : failures_(failures), code_(std::move(code)), kind_(kind) {}

    void record_attempt(storage::CalloutOutcomePtr outcome, core::Done<bool> done) override {
        ++tries;
        if (failures_-- > 0) {
            return done(core::Error{.kind = kind_, .code = code_, .message = "not now"});
        }
        written = outcome->attempts;
        state = outcome->update.state;
        done(false);
    }

    int tries = 0;
    std::vector<storage::AttemptRecord> written;
    std::optional<storage::CalloutState> state;

private:
    int failures_;
    std::string code_;
    core::ErrorKind kind_;
};

class RecorderTest : public ::testing::Test {
protected:
    void record(FlakyStore& store) {
        recorder = std::make_unique<Recorder>(store, mailbox, clock, io.get_executor(),
                                              [this](const core::Error& error) { bug = error; });
        AttemptResult result;
        result.attempts.emplace_back().status = 200;
        result.update.state = storage::CalloutState::kDelivered;
        recorder->record(std::move(result), [this](bool) { ++recorded; });
        settle();
    }
    void settle() {
        do {
            io.restart();
        } while (io.poll() > 0);
    }

    boost::asio::io_context io;
    herald::test::FakeClock clock;
    std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>(io.get_executor());
    std::unique_ptr<Recorder> recorder;
    int recorded = 0;
    std::optional<core::Error> bug;
};

TEST_F(RecorderTest, TellsTheWorkerOnceItIsWritten) {
    FlakyStore store(0, "");
    record(store);
    EXPECT_EQ(recorded, 1);
    EXPECT_EQ(store.state, storage::CalloutState::kDelivered);
}

// an answered callout does not stay in flight because the disk was full or locked for a
// moment.
TEST_F(RecorderTest, WritesTheSameOutcomeAgainUntilTheDiskTakesIt) {
    for (const char* code : {"storage_full", "database_locked"}) {
        FlakyStore store(3, code);
        recorded = 0;
        record(store);
        for (int second = 0; second < 3; ++second) {
            EXPECT_EQ(recorded, 0) << code;
            clock.advance(1s);
            settle();
        }
        EXPECT_EQ(recorded, 1) << code;
        EXPECT_EQ(store.tries, 4) << code;
        ASSERT_EQ(store.written.size(), 1U) << code;
        EXPECT_EQ(store.written[0].status, 200) << code;
    }
}

// the store is gone and its owner ends the process; trying again would only hide it.
TEST_F(RecorderTest, DoesNotTryAgainAfterAnIoError) {
    FlakyStore store(1, "storage_error", core::ErrorKind::kStorage);
    record(store);
    clock.advance(1h);
    settle();
    EXPECT_EQ(store.tries, 1);
    EXPECT_EQ(recorded, 0);
}

TEST_F(RecorderTest, ARefusalThatOnlyABugExplainsIsToldAndEndsTheProcess) {
    for (const auto kind : {core::ErrorKind::kConflict, core::ErrorKind::kPermanent,
                            core::ErrorKind::kInvalidArgument}) {
        bug.reset();
        FlakyStore store(1, "storage_error", kind);
        record(store);
        ASSERT_TRUE(bug);
        EXPECT_EQ(bug->kind, kind);
        EXPECT_EQ(recorded, 0);
    }
}

TEST_F(RecorderTest, TheOutcomeOfACalloutThatIsGoneHoldsNobodyUp) {
    FlakyStore store(1, "not_found", core::ErrorKind::kNotFound);
    record(store);
    EXPECT_EQ(recorded, 1);
    EXPECT_FALSE(bug);
    EXPECT_EQ(store.tries, 1);
}

}  // namespace
}  // namespace herald::dispatcher
