#include "dispatcher/history_pruner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <deque>

#include "core/log.h"
#include "tests/dispatcher/refusing_roles.h"
#include "tests/support/dispatcher_fixture.h"
#include "tests/support/fake_clock.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using storage::Pruned;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Answers steps as told, then with the end of a walk; can keep the answer back.
class StepByStepStore final : public storage::RefusingHistory {
public:
    void prune_history(storage::HistoryBounds bounds, std::int64_t resume_after,
                       core::Done<Pruned> done) override {
        steps.push_back(resume_after);
        last_bounds = bounds;
        if (holds) {
            held = std::move(done);
            return;
        }
        if (answers.empty()) return done(Pruned{});
        auto answer = std::move(answers.front());
        answers.pop_front();
        done(std::move(answer));
    }

    std::deque<core::Result<Pruned>> answers;
    std::vector<std::int64_t> steps;  ///< where each went on
    storage::HistoryBounds last_bounds;
    bool holds = false;
    core::Done<Pruned> held;
};

class LogLines final : public core::LogSink {
public:
    LogLines() { core::install_log_sink(this); }
    LogLines(const LogLines&) = delete;
    LogLines& operator=(const LogLines&) = delete;
    ~LogLines() override { core::install_log_sink(nullptr); }
    bool enabled(core::LogLevel) const override { return true; }
    void write(core::LogLevel level, std::string_view event,
               const boost::json::object& fields) override {
        std::string line(event);
        if (level == core::LogLevel::kError) line += " error";
        if (const auto* events = fields.if_contains("events"))
            line += " " + std::to_string(events->as_int64());
        lines.push_back(std::move(line));
    }
    std::vector<std::string> lines;
};

class HistoryPrunerTest : public ::testing::Test {
protected:
    void start(HistoryLimits limits = {.max_age = 720h, .max_bytes = 10'000'000'000}) {
        pruner = std::make_unique<HistoryPruner>(store, clock, io.get_executor(), limits);
        pruner->start();
        settle();
    }
    void settle() {
        do {
            io.restart();
        } while (io.poll() > 0);
    }
    void advance(std::chrono::milliseconds by) {
        clock.advance(by);
        settle();
    }

    boost::asio::io_context io;
    herald::test::FakeClock clock;
    LogLines log;
    StepByStepStore store;
    std::unique_ptr<HistoryPruner> pruner;
};

TEST_F(HistoryPrunerTest, GoesOnWhereAStepEndedAfterAPause) {
    store.answers = {Pruned{.events = 200, .resume_after = 1200},
                     Pruned{.events = 1, .resume_after = 1400}, Pruned{.events = 7}};
    start();
    EXPECT_THAT(store.steps, ElementsAre(0));
    advance(4ms);
    EXPECT_THAT(store.steps, ElementsAre(0)) << "others have their turn";
    advance(1ms);
    EXPECT_THAT(store.steps, ElementsAre(0, 1200));
    advance(5ms);
    EXPECT_THAT(store.steps, ElementsAre(0, 1200, 1400));
    EXPECT_EQ(pruner->events_pruned(), 208);
    EXPECT_THAT(log.lines, ElementsAre("history_pruned 208"));
}

TEST_F(HistoryPrunerTest, AStepThatRemovedNothingWaitsLonger) {
    store.answers = {Pruned{.resume_after = 200}, Pruned{.resume_after = 400}};
    start();
    advance(99ms);
    EXPECT_THAT(store.steps, ElementsAre(0));
    advance(1ms);
    EXPECT_THAT(store.steps, ElementsAre(0, 200));
    advance(100ms);
    EXPECT_THAT(store.steps, ElementsAre(0, 200, 400));
}

TEST_F(HistoryPrunerTest, TakesATwentiethOfTheWritersTime) {
    store.holds = true;
    start();
    for (std::int64_t step = 1; step <= 3; ++step) {
        clock.advance(4ms);
        store.held(Pruned{.events = 200, .resume_after = step});
        settle();
        advance(75ms);
        EXPECT_EQ(std::ssize(store.steps), step);
        advance(1ms);
        EXPECT_EQ(std::ssize(store.steps), step + 1);
    }
}

TEST_F(HistoryPrunerTest, AStepThatWaitedLongForItsTurnDoesNotPauseForEver) {
    store.holds = true;
    start();
    clock.advance(1h);
    store.held(Pruned{.events = 200, .resume_after = 200});
    settle();
    advance(1s);
    EXPECT_THAT(store.steps, ElementsAre(0, 200));
}

TEST_F(HistoryPrunerTest, BeginsAgainAMinuteAfterTheEndOfAWalkAndSaysOnlyWhatItRemoved) {
    start();
    EXPECT_THAT(store.steps, ElementsAre(0));
    advance(59s);
    EXPECT_THAT(store.steps, ElementsAre(0));
    store.answers = {Pruned{.events = 3, .resume_after = 9}};
    advance(1s);
    advance(5ms);
    EXPECT_THAT(store.steps, ElementsAre(0, 0, 9));
    EXPECT_THAT(log.lines, ElementsAre("history_pruned 3"));
    advance(1min);
    EXPECT_THAT(store.steps, ElementsAre(0, 0, 9, 0));
    EXPECT_EQ(log.lines.size(), 1U);
}

TEST_F(HistoryPrunerTest, CountsTheAgeFromTheMomentOfEachStep) {
    start();
    EXPECT_EQ(store.last_bounds.keep_since, clock.stored_now() - 720h);
    EXPECT_EQ(store.last_bounds.max_bytes, 10'000'000'000);
    advance(1min);
    EXPECT_EQ(store.last_bounds.keep_since, clock.stored_now() - 720h);
}

TEST_F(HistoryPrunerTest, ALimitThatIsNotSetDoesNotBound) {
    start({.max_age = std::nullopt, .max_bytes = 5});
    EXPECT_FALSE(store.last_bounds.keep_since);
    EXPECT_EQ(store.last_bounds.max_bytes, 5);
}

TEST_F(HistoryPrunerTest, WithoutLimitsItNeverLooks) {
    start({});
    advance(1h);
    EXPECT_THAT(store.steps, IsEmpty());
}

TEST_F(HistoryPrunerTest, AFailedStepIsToldAndTheNextWalkTriesAgain) {
    store.answers = {Pruned{.events = 200, .resume_after = 200},
                     core::Error{.kind = core::ErrorKind::kTransient,
                                 .code = "storage_full",
                                 .message = "the disk is full"}};
    start();
    advance(5ms);
    EXPECT_THAT(log.lines, ElementsAre("history_not_pruned error", "history_pruned 200"));
    advance(59s);
    EXPECT_EQ(store.steps.size(), 2U);
    advance(1s);
    EXPECT_THAT(store.steps, ElementsAre(0, 200, 0));
}

TEST_F(HistoryPrunerTest, StopsBetweenStepsBetweenWalksAndBeforeTheStart) {
    store.answers = {Pruned{.events = 1, .resume_after = 1}};
    start();
    pruner->stop();
    pruner->stop();
    settle();
    advance(1h);
    EXPECT_THAT(store.steps, ElementsAre(0));
    EXPECT_EQ(io.poll(), 0U);
    start();
    pruner->stop();
    advance(1h);
    EXPECT_THAT(store.steps, ElementsAre(0, 0));
    HistoryPruner never_started(store, clock, io.get_executor(), {.max_age = 1h});
    never_started.stop();
    never_started.start();
    settle();
    EXPECT_EQ(store.steps.size(), 2U);
}

TEST_F(HistoryPrunerTest, AStepThatEndsAfterTheStopIsTheLast) {
    store.holds = true;
    start();
    pruner->stop();
    settle();
    store.held(Pruned{.events = 200, .resume_after = 200});
    settle();
    advance(1h);
    EXPECT_THAT(store.steps, ElementsAre(0));
    EXPECT_THAT(log.lines, ElementsAre("history_pruned 200"));
}

TEST_F(HistoryPrunerTest, MayGoWhileAStepIsUnderWay) {
    store.holds = true;
    start();
    pruner.reset();
    store.held(Pruned{.events = 200, .resume_after = 200});
    settle();
    EXPECT_THAT(store.steps, ElementsAre(0));
}

class HistoryTest : public herald::test::DispatcherFixture {};

TEST_F(HistoryTest, ADeliveredEventGoesAMonthLaterAndAWaitingOneStays) {
    add(notification("invoices"));
    auto held = notification("held");
    held.events = {"order.*"};
    held.paused = true;
    add(std::move(held));
    start();
    HistoryPruner pruner(*store, clock, io->get_executor(), {.max_age = 720h});
    pruner.start();
    const auto delivered = fire("invoice.posted").value();
    const auto waiting = fire("order.placed").value();
    advance(720h);
    EXPECT_TRUE(store->event(delivered.id));
    advance(1min);
    advance(1min);
    EXPECT_EQ(store->event(delivered.id).error().code, "not_found");
    EXPECT_EQ(callout(waiting.callouts.at(0).id).state, storage::CalloutState::kPending);
    EXPECT_EQ(pruner.events_pruned(), 1);
    pruner.stop();
    settle();
}

}  // namespace
}  // namespace herald::dispatcher
