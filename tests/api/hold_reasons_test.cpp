// What a daemon tells about callouts that wait, on virtual time.
#include "api/handlers/callout_steps.h"
#include "tests/support/dispatcher_fixture.h"

namespace herald::test {
namespace {

using storage::CalloutState;

class HoldReasonsTest : public DispatcherFixture {
protected:
    /// A notification whose breaker opens at its first failure, for 5 s.
    void given_a_breaker_that_opens_at_once() {
        auto record = notification();
        record.breaker.min_attempts = 1;
        record.breaker.failure_percent = 100;
        record.retry.schedule.clear();
        add(std::move(record));
        answers.emplace_back(respond(500));
        ASSERT_EQ(callout(fire_one()).state, CalloutState::kDead);
    }

    std::optional<std::string> reason_of(core::CalloutId id) { return reasons().of(callout(id)); }
    api::HoldReasons reasons() {
        const api::Services services{.store = *store,
                                     .tokens = *manager,
                                     .intake = *intake,
                                     .scheduler = scheduler.get(),
                                     .egress = egress_,
                                     .clock = clock,
                                     .random = random,
                                     .make_transport = {},
                                     .database = {},
                                     .key_file = {}};
        return api::HoldReasons::read(services).value();
    }

    const http::EgressPolicy egress_;
};

TEST_F(HoldReasonsTest, AnOpenBreakerIsToldUntilItsProbeIsAnswered) {
    start();
    given_a_breaker_that_opens_at_once();
    const core::CalloutId first = fire_one();
    EXPECT_EQ(callout(first).reason, std::nullopt) << "stored while the lane was held already";
    EXPECT_EQ(reason_of(first), "breaker_open");
    receivers.hold();
    advance(6s);
    EXPECT_EQ(callout(first).state, CalloutState::kInFlight) << "the probe";
    EXPECT_EQ(reason_of(first), std::nullopt);
    // Half open: only the probe goes. A few more may be in memory, in flight as far as anyone sees.
    core::CalloutId last = first;
    for (int i = 0; i < 20; ++i) last = fire_one();
    EXPECT_EQ(callout(last).state, CalloutState::kPending);
    EXPECT_EQ(reason_of(last), "breaker_open");
    receivers.release();
    settle();
    EXPECT_EQ(callout(last).state, CalloutState::kDelivered);
}

TEST_F(HoldReasonsTest, PausedAndDisabledComeBeforeTheBreaker) {
    start();
    given_a_breaker_that_opens_at_once();
    const core::CalloutId id = fire_one();
    edit("invoices", [](auto& record) { record.paused = true; });
    EXPECT_EQ(reason_of(id), "paused");
    edit("invoices", [](auto& record) { record.enabled = false; });
    EXPECT_EQ(reason_of(id), "disabled");
}

TEST_F(HoldReasonsTest, AProviderWithoutATokenIsNamed) {
    start();
    auto record = notification();
    record.auth = add_provider();
    token_answer = respond(400, R"({"error":"invalid_client"})");
    add(std::move(record));
    const core::CalloutId parked = fire_one();
    const core::CalloutId later = fire_one();
    EXPECT_EQ(callout(later).reason, std::nullopt);
    EXPECT_EQ(reason_of(parked), "auth_unavailable:crm");
    EXPECT_EQ(reason_of(later), "auth_unavailable:crm");
}

TEST_F(HoldReasonsTest, OneBehindItsKeySaysSoAndTheFirstOfTheKeyTellsTheLanesReason) {
    start();
    auto record = notification();
    record.order_by = "data.n";
    record.paused = true;
    add(std::move(record));
    const core::CalloutId first = fire_one();
    const core::CalloutId second = fire_one();
    EXPECT_EQ(reason_of(first), "paused");
    EXPECT_EQ(reason_of(second), "ordered");
}

TEST_F(HoldReasonsTest, AHoldIsToldBeforeTheTimeOfARetry) {
    start();
    auto record = notification();
    record.paused = true;
    add(std::move(record));
    storage::CalloutRecord waiting = callout(fire_one());
    EXPECT_EQ(reasons().of(waiting), "paused");
    clock.set_system_time(clock.system_now() - 1h);
    EXPECT_EQ(reasons().of(waiting), "paused") << "whatever the wall clock says";
    waiting.due_at = clock.stored_now() + 1h;
    waiting.reason = "retry";
    EXPECT_EQ(reasons().of(waiting), "paused") << "it would not go in an hour either";
    edit("invoices", [](auto& change) { change.paused = false; });
    EXPECT_EQ(reasons().of(waiting), "retry");
}

TEST_F(HoldReasonsTest, UnderAnOpenBreakerNothingIsDueBeforeItsProbe) {
    start();
    given_a_breaker_that_opens_at_once();
    storage::CalloutRecord waiting = callout(fire_one());
    ASSERT_LE(*waiting.due_at, clock.stored_now());
    const auto probe_at = reasons().due_at(waiting);
    EXPECT_GT(*probe_at, clock.stored_now() + 4s);
    EXPECT_LT(*probe_at, clock.stored_now() + 6s);
    waiting.due_at = *probe_at + 1ms;
    waiting.reason = "retry";
    EXPECT_EQ(reasons().of(waiting), "retry") << "its own time is the later one";
    EXPECT_EQ(reasons().due_at(waiting), waiting.due_at);
}

}  // namespace
}  // namespace herald::test
