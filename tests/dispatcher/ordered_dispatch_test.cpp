// R-23: callouts of one key go one after another, in order of acceptance; other keys are not held.
#include "tests/dispatcher/lane_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using storage::CalloutState;
using ::testing::ElementsAre;

class OrderedDispatchTest : public herald::test::LaneFixture {
protected:
    struct Delivery {
        std::string key;
        int number = 0;
    };

    OrderedDispatchTest() {
        network["crm"].answer = [this](const http::Request& request) { return answer(request); };
    }
    ~OrderedDispatchTest() override { close(); }

    storage::NotificationRecord ordered_lane() {
        auto record = lane("crm");
        record.order_by = "data.account.id";
        record.body_template = "{{ data.account.id }} {{ data.n }}";
        record.content_type = "text/plain";
        record.breaker.enabled = false;
        return record;
    }
    static std::string data_of(const std::string& key, int number) {
        return R"({"account":{"id":")" + key + R"("},"n":)" + std::to_string(number) + "}";
    }
    core::CalloutId fire_key(const std::string& key, int number) {
        return fire_at("crm", data_of(key, number));
    }
    /// Without a look at the outcome between two of them.
    void submit(const std::string& key, int number) {
        intake->submit({.type = "crm.happened",
                        .data = data_of(key, number),
                        .key = std::nullopt,
                        .occurred_at = {}},
                       [](const core::Result<AcceptedEvent>& accepted) { EXPECT_TRUE(accepted); });
    }
    int answer(const http::Request& request) {
        const std::size_t space = request.body.find(' ');
        Delivery delivery{.key = request.body.substr(0, space),
                          .number = std::stoi(request.body.substr(space + 1))};
        ++tried[delivery.key];
        const int status = status_of(delivery);
        if (status == 200) delivered[delivery.key].push_back(delivery.number);
        return status;
    }
    /// How many times an event was delivered after a later one of its key.
    int inversions() const {
        int found = 0;
        for (const auto& [key, numbers] : delivered) {
            for (std::size_t i = 1; i < numbers.size(); ++i)
                found += numbers[i] < numbers[i - 1] ? 1 : 0;
        }
        return found;
    }

    std::function<int(const Delivery&)> status_of = [](const Delivery&) { return 200; };
    std::map<std::string, std::vector<int>> delivered;
    std::map<std::string, int> tried;
};

TEST_F(OrderedDispatchTest, AThousandKeysWithAFifthOfFailuresAreDeliveredWithoutAnInversion) {
    constexpr int kKeys = 1000;
    constexpr int kEach = 8;
    constexpr std::uint64_t kSeed = 23;
    start();
    auto record = ordered_lane();
    record.retry.schedule = std::vector<std::chrono::seconds>(50, 1s);
    record.retry.jitter_percent = 50;
    record.max_in_flight = 200;
    network["crm"].takes = 30ms;
    add(std::move(record));
    herald::test::SeededRandom dice(kSeed);
    status_of = [&dice](const Delivery&) { return dice.below(5) == 0 ? 503 : 200; };

    // Two batches of four rounds: some wait behind a key from the start, some come later.
    for (int number = 0; number < kEach; ++number) {
        for (int key = 0; key < kKeys; ++key) submit("key-" + std::to_string(key), number);
        if (number == kEach / 2) run(2s);
    }
    run(10min);
    EXPECT_EQ(counts("crm").delivered, kKeys * kEach);
    EXPECT_EQ(inversions(), 0) << "seed " << kSeed;
    for (const auto& [key, numbers] : delivered)
        ASSERT_EQ(numbers.size(), static_cast<std::size_t>(kEach)) << key;
    EXPECT_GT(network["crm"].arrivals.size(), static_cast<std::size_t>(kKeys * kEach));
    EXPECT_GT(network["crm"].most_at_once, 100) << "other keys are not held";
}

TEST_F(OrderedDispatchTest, AKeyThatFailsForLongHoldsItsOwnAndNoOther) {
    start();
    add(ordered_lane());
    status_of = [](const Delivery& delivery) { return delivery.key == "bad" ? 503 : 200; };
    const core::CalloutId first = fire_key("bad", 0);
    const core::CalloutId second = fire_key("bad", 1);
    for (int i = 0; i < 50; ++i) (void)fire_key("good-" + std::to_string(i % 5), i);
    run(30min);
    EXPECT_EQ(tried["bad"], 1) << "the second one waits for the first one's retry";
    EXPECT_EQ(callout(first).reason, "retry");
    EXPECT_EQ(callout(second).state, CalloutState::kPending);
    EXPECT_EQ(callout(second).reason, "ordered");
    EXPECT_EQ(counts("crm").delivered, 50);
    status_of = [](const Delivery&) { return 200; };
    run(1h);
    EXPECT_THAT(delivered["bad"], ElementsAre(0, 1));
}

TEST_F(OrderedDispatchTest, TheEndOfADeadOneLetsTheNextOneGo) {
    start();
    auto record = ordered_lane();
    record.retry.schedule.clear();
    add(std::move(record));
    network["crm"].takes = 100ms;
    status_of = [](const Delivery& delivery) { return delivery.number == 0 ? 503 : 200; };
    const core::CalloutId dead = fire_key("a", 0);
    (void)fire_key("a", 1);
    (void)fire_key("a", 2);
    run(1s);
    EXPECT_EQ(callout(dead).state, CalloutState::kDead);
    EXPECT_THAT(delivered["a"], ElementsAre(1, 2));
}

TEST_F(OrderedDispatchTest, CancellingTheFirstLetsTheNextOneGo) {
    start();
    add(ordered_lane());
    status_of = [](const Delivery& delivery) { return delivery.number == 0 ? 503 : 200; };
    const core::CalloutId first = fire_key("a", 0);
    const core::CalloutId second = fire_key("a", 1);
    ASSERT_EQ(callout(second).reason, "ordered");
    const auto cancelled = store->cancel_callout(first);
    ASSERT_TRUE(cancelled);
    scheduler->wake(*cancelled->notification);
    settle();
    EXPECT_EQ(callout(second).state, CalloutState::kDelivered);
}

TEST_F(OrderedDispatchTest, CancellingOneThatWaitsLetsNobodyPastTheFirst) {
    start();
    add(ordered_lane());
    status_of = [](const Delivery&) { return 503; };
    (void)fire_key("a", 0);
    const core::CalloutId second = fire_key("a", 1);
    const core::CalloutId third = fire_key("a", 2);
    const auto cancelled = store->cancel_callout(second);
    ASSERT_TRUE(cancelled);
    scheduler->wake(*cancelled->notification);
    run(1min);
    EXPECT_EQ(callout(third).reason, "ordered");
    EXPECT_EQ(tried["a"], 1);
}

TEST_F(OrderedDispatchTest, ARetryByAPersonWaitsForTheOneUnderWay) {
    start();
    auto record = ordered_lane();
    record.retry.schedule.clear();
    add(std::move(record));
    status_of = [](const Delivery&) { return 503; };
    const core::CalloutId dead = fire_key("a", 0);
    ASSERT_EQ(callout(dead).state, CalloutState::kDead);
    status_of = [](const Delivery&) { return 200; };
    network["crm"].takes = 1s;
    (void)fire_key("a", 1);
    const auto retried = store->retry_callout(dead, clock.stored_now());
    ASSERT_TRUE(retried);
    scheduler->wake(*retried->notification);
    run(500ms);
    EXPECT_EQ(callout(dead).reason, "ordered");
    EXPECT_EQ(network["crm"].running, 1);
    run(2s);
    EXPECT_THAT(delivered["a"], ElementsAre(1, 0));
}

TEST_F(OrderedDispatchTest, ARetryByAPersonOfOneThatWaitsKeepsItsPlace) {
    start();
    add(ordered_lane());
    network["crm"].takes = 1s;
    (void)fire_key("a", 0);
    (void)fire_key("a", 1);
    const core::CalloutId third = fire_key("a", 2);
    const auto retried = store->retry_callout(third, clock.stored_now());
    ASSERT_TRUE(retried);
    scheduler->wake(*retried->notification);
    settle();
    EXPECT_EQ(network["crm"].running, 1);
    run(1min);
    EXPECT_THAT(delivered["a"], ElementsAre(0, 1, 2));
}

// All of them finished, the daemon started again: nothing reminds it of keys but the callouts.
TEST_F(OrderedDispatchTest, DeadOnesRetriedTogetherAfterARestartGoOneAfterAnother) {
    start();
    auto record = ordered_lane();
    record.retry.schedule.clear();
    const core::NotificationId id = record.id;
    add(std::move(record));
    status_of = [](const Delivery&) { return 503; };
    for (int number = 0; number < 5; ++number) {
        (void)fire_key("a", number);
        run(1s);
    }
    ASSERT_EQ(counts("crm").dead, 5);
    crash_and_restart();
    status_of = [](const Delivery&) { return 200; };
    network["crm"].takes = 1s;
    network["crm"].forget();
    ASSERT_EQ(store->retry_dead({}, clock.stored_now(), 100, false).value().count, 5);
    scheduler->wake(id);
    run(1min);
    EXPECT_EQ(network["crm"].most_at_once, 1);
    EXPECT_THAT(delivered["a"], ElementsAre(0, 1, 2, 3, 4));
}

// What was in flight goes out again; what was delivered before stays before what comes after.
TEST_F(OrderedDispatchTest, ARestartInTheMiddleKeepsTheOrder) {
    constexpr int kKeys = 100;
    constexpr int kEach = 10;
    start();
    auto record = ordered_lane();
    record.retry.schedule = std::vector<std::chrono::seconds>(50, 1s);
    add(std::move(record));
    network["crm"].takes = 300ms;
    herald::test::SeededRandom dice(29);
    status_of = [&dice](const Delivery&) { return dice.below(5) == 0 ? 503 : 200; };
    for (int number = 0; number < kEach; ++number) {
        for (int key = 0; key < kKeys; ++key) submit("key-" + std::to_string(key), number);
    }
    for (int crash = 0; crash < 3; ++crash) {
        run(1s);
        ASSERT_GT(network["crm"].running, 0);
        ASSERT_GT(counts("crm").pending, 0);
        crash_and_restart();
    }
    run(10min);
    EXPECT_EQ(counts("crm").delivered, kKeys * kEach);
    EXPECT_EQ(inversions(), 0);
}

TEST_F(OrderedDispatchTest, EventsWithoutTheFieldHaveNoOrder) {
    start();
    auto record = ordered_lane();
    record.body_template = R"({{ data.account.id | "none" }} 0)";
    add(std::move(record));
    network["crm"].takes = 1s;
    for (const char* data :
         {R"({"n":1})", R"({"account":{}})", R"({"account":{"id":null}})", "1", "[]"}) {
        (void)fire_at("crm", data);
        (void)fire_at("crm", data);
    }
    EXPECT_EQ(network["crm"].running, 10) << "they do not wait for one another";
}

TEST_F(OrderedDispatchTest, OneKeyOfTwoNotificationsIsTwoKeys) {
    start();
    add(ordered_lane());
    auto other = ordered_lane();
    other.id = core::NotificationId::generate(clock.stored_now(), random);
    other.name = "other";
    other.url = "https://receiver.example/other";
    add(std::move(other));
    network["crm"].silent = true;
    for (int number = 0; number < 5; ++number) (void)fire_key("a", number);
    EXPECT_EQ(network["other"].answered, 5U);
    EXPECT_EQ(network["crm"].running, 1);
}

}  // namespace
}  // namespace herald::dispatcher
