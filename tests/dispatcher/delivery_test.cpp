// From a fired event to a delivered callout, on virtual time.
#include "tests/support/dispatcher_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using herald::test::respond;
using storage::AttemptOutcome;
using storage::CalloutState;
using ::testing::HasSubstr;

using DeliveryTest = herald::test::DispatcherFixture;

TEST_F(DeliveryTest, AnEventBecomesADeliveredCalloutWithItsHistory) {
    start();
    add(notification());
    const core::CalloutId id = fire_one();
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0].headers.get("webhook-id"), id.text());
    EXPECT_EQ(received[0].headers.get("Herald-Attempt"), "1");
    EXPECT_THAT(received[0].body, HasSubstr(R"("data":{"n":1})"));
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
    const auto history = attempts(id);
    ASSERT_EQ(history.size(), 1U);
    EXPECT_EQ(history[0].status, 200);
    EXPECT_EQ(history[0].response_excerpt, "ok");
}

TEST_F(DeliveryTest, OneEventGoesToEveryNotificationThatFits) {
    start();
    add(notification("a"));
    add(notification("b"));
    auto other = notification("c");
    other.events = {"payment.failed"};
    add(std::move(other));
    const auto accepted = fire();
    EXPECT_EQ(accepted->callouts.size(), 2U);
    EXPECT_EQ(received.size(), 2U);
}

TEST_F(DeliveryTest, RetriesBySchedulesUnderTheSameIdUntilItIsDead) {
    start();
    add(notification());
    answers = {respond(503), respond(500), respond(502)};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(callout(id).state, CalloutState::kPending);
    EXPECT_EQ(callout(id).reason, "retry");
    advance(3999ms);
    EXPECT_EQ(received.size(), 1U) << "5 s less 20 % is the earliest";
    advance(2001ms);
    EXPECT_EQ(received.size(), 2U);
    advance(360s);
    ASSERT_EQ(received.size(), 3U);
    EXPECT_EQ(callout(id).state, CalloutState::kDead);
    EXPECT_EQ(callout(id).reason, "attempts_exhausted");
    EXPECT_EQ(attempts(id).size(), 3U);
    for (const auto& request : received) EXPECT_EQ(request.headers.get("webhook-id"), id.text());
    EXPECT_EQ(received[2].headers.get("Herald-Attempt"), "3");
}

TEST_F(DeliveryTest, ARetryByAPersonKeepsTheIdAndCountsOn) {
    start();
    auto record = notification();
    record.retry.schedule.clear();
    add(std::move(record));
    answers = {respond(503)};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(callout(id).state, CalloutState::kDead);
    ASSERT_TRUE(store->retry_callout(id, clock.stored_now()));
    scheduler->wake(*callout(id).notification);
    settle();
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
    EXPECT_EQ(received[1].headers.get("Herald-Attempt"), "2");
    EXPECT_EQ(received[1].headers.get("webhook-id"), id.text());
}

TEST_F(DeliveryTest, TheWindowBoundsWhatIsOnTheWire) {
    start();
    auto record = notification();
    record.max_in_flight = 3;
    add(std::move(record));
    receivers.hold();
    for (int i = 0; i < 50; ++i) (void)fire();
    EXPECT_EQ(receivers.requests.size(), 3U);
    receivers.release();
    settle();
    EXPECT_EQ(received.size(), 50U);
    EXPECT_EQ(store->counts()->notifications.at(0).delivered, 50);
}

TEST_F(DeliveryTest, ASlowReceiverHoldsOnlyItsOwnLane) {
    start();
    auto slow = notification("slow");
    slow.max_in_flight = 1;
    add(std::move(slow));
    auto fast = notification("fast");
    fast.events = {"payment.*"};
    add(std::move(fast));
    receivers.hold();
    for (int i = 0; i < 20; ++i) (void)fire("invoice.posted");
    const std::size_t on_the_wire = receivers.requests.size();
    (void)fire("payment.failed");
    EXPECT_EQ(receivers.requests.size(), on_the_wire + 1);
}

TEST_F(DeliveryTest, TheRateBoundsWhatIsStartedPerSecond) {
    start();
    auto record = notification();
    record.rate_per_s = 20;
    add(std::move(record));
    for (int i = 0; i < 100; ++i) (void)fire();
    EXPECT_LE(received.size(), 2U) << "a tenth of a second's worth at once";
    for (int tenth = 0; tenth < 20; ++tenth) advance(100ms);
    EXPECT_GE(received.size(), 38U);
    EXPECT_LE(received.size(), 42U);
    for (int tenth = 0; tenth < 40; ++tenth) advance(100ms);
    EXPECT_EQ(received.size(), 100U);
}

TEST_F(DeliveryTest, APausedNotificationHoldsAndResumes) {
    start();
    auto record = notification();
    record.paused = true;
    add(std::move(record));
    const core::CalloutId id = fire_one();
    advance(1h);
    EXPECT_EQ(received.size(), 0U);
    EXPECT_EQ(callout(id).state, CalloutState::kPending);
    EXPECT_EQ(callout(id).attempts, 0);
    edit("invoices", [](auto& change) { change.paused = false; });
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
}

TEST_F(DeliveryTest, PausingGivesBackWhatWaitsInMemory) {
    start();
    auto record = notification();
    record.max_in_flight = 1;
    add(std::move(record));
    receivers.hold();
    const core::CalloutId running = fire_one();
    const core::CalloutId waiting = fire_one();
    EXPECT_EQ(callout(waiting).state, CalloutState::kClaimed);
    edit("invoices", [](auto& change) { change.paused = true; });
    EXPECT_EQ(callout(waiting).state, CalloutState::kPending);
    EXPECT_EQ(callout(waiting).reason, "paused");
    receivers.release();
    settle();
    EXPECT_EQ(callout(running).state, CalloutState::kDelivered) << "what is under way ends";
    EXPECT_EQ(callout(waiting).attempts, 0);
}

TEST_F(DeliveryTest, ADisabledNotificationCausesNoCallouts) {
    start();
    auto record = notification();
    record.enabled = false;
    add(std::move(record));
    EXPECT_TRUE(fire()->callouts.empty());
}

TEST_F(DeliveryTest, AnEditReachesCalloutsThatWait) {
    start();
    add(notification());
    answers = {respond(503)};
    const core::CalloutId id = fire_one();
    edit("invoices", [](auto& change) { change.url = "https://elsewhere.example/hook"; });
    advance(10s);
    EXPECT_EQ(received.at(1).url.host, "elsewhere.example");
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
}

// R-09, R-14a: a template that cannot be rendered ends the callout without a request.
TEST_F(DeliveryTest, APoisonTemplateEndsTheCalloutAndNothingIsSent) {
    start();
    auto record = notification();
    record.headers = {{"X-Name", "{{ data.name }}"}};
    add(std::move(record));
    const auto accepted = fire("invoice.posted", R"({"name":"a\r\nX: 1"})");
    const core::CalloutId id = accepted->callouts.at(0).id;
    EXPECT_EQ(received.size(), 0U);
    EXPECT_EQ(callout(id).state, CalloutState::kDead);
    EXPECT_EQ(callout(id).reason, "template_error:data.name");
    EXPECT_TRUE(attempts(id).empty());
}

TEST_F(DeliveryTest, MaxAgeCountsTheTimePaused) {
    start();
    auto record = notification();
    record.retry.max_age = 60s;
    record.paused = true;
    add(std::move(record));
    const core::CalloutId id = fire_one();
    advance(61s);
    edit("invoices", [](auto& change) { change.paused = false; });
    EXPECT_EQ(callout(id).state, CalloutState::kDead);
    EXPECT_EQ(callout(id).reason, "max_age");
    EXPECT_EQ(received.size(), 0U);
}

// R-01 in one thread: what was in flight is due again at once, and the doubt is on record.
TEST_F(DeliveryTest, ACrashLeavesARecordAndTheCalloutGoesOutAgain) {
    start();
    add(notification());
    receivers.hold();
    const core::CalloutId id = fire_one();
    close();
    receivers.release();
    open();
    start();
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
    const auto history = attempts(id);
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[0].outcome, AttemptOutcome::kUnknownCrash);
    EXPECT_EQ(history[1].number, 2);
    EXPECT_EQ(received.at(0).headers.get("webhook-id"), id.text());
}

TEST_F(DeliveryTest, EverythingStoredBeforeTheStartIsDelivered) {
    add(notification());
    intake = std::make_unique<Intake>(*store, *store, clock, random, nullptr);
    for (int i = 0; i < 700; ++i) ASSERT_TRUE(fire());
    start();
    EXPECT_EQ(received.size(), 700U);
    EXPECT_EQ(store->counts()->notifications.at(0).delivered, 700);
}

TEST_F(DeliveryTest, DrainingReportsOnceNothingCanBeSentNow) {
    start();
    add(notification());
    answers = {respond(503)};
    receivers.hold();
    (void)fire();
    bool idle = false;
    scheduler->when_idle([&] { idle = true; });
    settle();
    EXPECT_FALSE(idle);
    receivers.release();
    settle();
    EXPECT_TRUE(idle) << "the retry is due later and stays";
}

// A duplicate holds a reservation for a moment; nothing may go on waiting for it.
TEST_F(DeliveryTest, DrainingEndsAfterDuplicates) {
    start();
    add(notification());
    for (int i = 0; i < 20; ++i) (void)fire("invoice.posted", "1", "key-1");
    bool idle = false;
    scheduler->when_idle([&] { idle = true; });
    settle();
    EXPECT_TRUE(idle);
}

// R-22.
TEST_F(DeliveryTest, TheSameKeyIsTheSameEvent) {
    start();
    add(notification());
    const auto first = fire("invoice.posted", "1", "key-1");
    const auto second = fire("invoice.posted", "1", "key-1");
    EXPECT_EQ(second->id, first->id);
    EXPECT_TRUE(second->duplicate);
    EXPECT_EQ(second->callouts.at(0).id, first->callouts.at(0).id);
    EXPECT_EQ(fire("invoice.posted", "2", "key-1").error().code, "idempotency_conflict");
    EXPECT_EQ(received.size(), 1U);
    (void)fire("invoice.posted", "3");
    EXPECT_EQ(received.size(), 2U) << "the unused reservations were given back";
}

struct BadEvent {
    const char* what;
    std::string type, data;
    std::optional<std::string> key;
    const char* code;
    const char* field;
};

// E-17, E-20.
TEST_F(DeliveryTest, BadEventsAreRefusedAndNothingIsStored) {
    start();
    const std::vector<BadEvent> rows = {
        {"empty type", "", "1", {}, "invalid_argument", "type"},
        {"space in type", "a b", "1", {}, "invalid_argument", "type"},
        {"wildcard type", "invoice.*", "1", {}, "invalid_argument", "type"},
        {"not JSON", "a", "{", {}, "malformed_request", "data"},
        {"NaN", "a", "NaN", {}, "malformed_request", "data"},
        {"trailing bytes", "a", "1 2", {}, "malformed_request", "data"},
        {"too deep",
         "a",
         std::string(33, '[') + std::string(33, ']'),
         {},
         "malformed_request",
         "data"},
        {"lone surrogate", "a", R"("\ud800")", {}, "malformed_request", "data"},
        {"invalid UTF-8", "a", "\"\xFF\"", {}, "malformed_request", "data"},
        {"too large",
         "a",
         '"' + std::string(1024 * 1024, 'x') + '"',
         {},
         "invalid_argument",
         "data"},
        {"empty key", "a", "1", "", "invalid_argument", "key"},
        {"long key", "a", "1", std::string(256, 'k'), "invalid_argument", "key"},
        {"control in key", "a", "1", "a\nb", "invalid_argument", "key"},
    };
    for (const BadEvent& row : rows) {
        const auto refused = fire(row.type, row.data, row.key);
        ASSERT_FALSE(refused) << row.what;
        EXPECT_EQ(refused.error().code, row.code) << row.what;
        EXPECT_EQ(refused.error().details.at("field").as_string(), row.field) << row.what;
    }
    EXPECT_EQ(store->counts()->events, 0);
}

}  // namespace
}  // namespace herald::dispatcher
