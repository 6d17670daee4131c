// Whose fault it is when nothing is delivered: who pays, what is told, and how the lane goes on.
#include <algorithm>

#include "core/log.h"
#include "dispatcher/refused_destinations.h"
#include "tests/support/dispatcher_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using herald::test::respond;
using herald::test::transport_failure;
using storage::CalloutState;

class LogLines final : public core::LogSink {
public:
    LogLines() { core::install_log_sink(this); }
    ~LogLines() override { core::install_log_sink(nullptr); }
    [[nodiscard]] bool enabled(core::LogLevel level) const override {
        return level != core::LogLevel::kDebug;
    }
    void write(core::LogLevel, std::string_view event, const boost::json::object& fields) override {
        lines.emplace_back(std::string(event), fields);
    }
    [[nodiscard]] std::vector<boost::json::object> of(std::string_view event) const {
        std::vector<boost::json::object> found;
        for (const auto& [name, fields] : lines) {
            if (name == event) found.push_back(fields);
        }
        return found;
    }
    std::vector<std::pair<std::string, boost::json::object>> lines;
};

class LanesFaultTest : public herald::test::DispatcherFixture {
protected:
    static core::Error failure(std::string code) {
        core::Error error = transport_failure(std::move(code), false);
        return error;
    }
    dispatcher::LaneSnapshot lane() { return scheduler->lanes().at(0); }
    void expect_untouched(core::CalloutId id, std::string_view reason) {
        EXPECT_EQ(callout(id).state, CalloutState::kPending);
        EXPECT_EQ(callout(id).reason, reason);
        EXPECT_EQ(callout(id).attempts, 0);
        EXPECT_EQ(callout(id).failures, 0);
        EXPECT_TRUE(attempts(id).empty());
    }

    LogLines log;
};

TEST_F(LanesFaultTest, AShortageOfOurOwnSpendsNoAttemptAndFeedsNoBreaker) {
    start();
    auto record = notification();
    record.retry.schedule.clear();
    record.breaker.min_attempts = 1;
    record.breaker.failure_percent = 1;
    add(std::move(record));
    for (const char* code : {"local_limit", "resolver_unavailable", "network_unreachable"}) {
        answers = {failure(code)};
        const core::CalloutId id = fire_one();
        expect_untouched(id, code);
        EXPECT_EQ(lane().breaker, CircuitBreaker::State::kClosed);
        EXPECT_EQ(lane().held_by, code);
        advance(4s);
        EXPECT_EQ(callout(id).state, CalloutState::kPending);
        advance(2s);
        EXPECT_EQ(callout(id).state, CalloutState::kDelivered) << "by itself, a moment later";
    }
}

TEST_F(LanesFaultTest, ABlockedAddressIsOurConfigurationAndParksTheLane) {
    start();
    add(notification());
    answers = {failure("blocked_address")};
    const core::CalloutId first = fire_one();
    expect_untouched(first, "blocked_address");
    EXPECT_EQ(lane().held_by, "blocked_address");
    const core::CalloutId second = fire_one();
    advance(30s);
    EXPECT_EQ(received.size(), 1U) << "nothing of the lane is tried meanwhile";
    EXPECT_EQ(callout(second).attempts, 0);
    answers = {failure("blocked_address"), failure("blocked_address")};
    advance(31s);
    EXPECT_EQ(received.size(), 3U) << "it looks again each minute";
    edit("invoices", [](auto& change) { change.url = "https://elsewhere.example/"; });
    EXPECT_EQ(callout(first).state, CalloutState::kDelivered) << "and at once when it is edited";
    EXPECT_EQ(callout(second).state, CalloutState::kDelivered);
}

TEST_F(LanesFaultTest, AParkedLaneIsFreeAfterARestart) {
    start();
    add(notification());
    answers = {failure("blocked_address")};
    const core::CalloutId id = fire_one();
    crash_and_restart();
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
}

TEST_F(LanesFaultTest, AProbeTriesAParkedLaneAndAnOpenBreakerAtOnce) {
    start();
    auto record = notification();
    record.breaker.min_attempts = 1;
    record.breaker.open_for = 300s;
    record.retry.schedule = {300s};
    add(std::move(record));
    answers = {failure("blocked_address"), respond(500), respond(200)};
    const core::CalloutId id = fire_one();
    const core::NotificationId lane_id = lane().id;
    scheduler->probe(lane_id);
    settle();
    EXPECT_EQ(callout(id).attempts, 1);
    ASSERT_EQ(lane().breaker, CircuitBreaker::State::kOpen);
    EXPECT_GT(*lane().held_until, clock.stored_now() + 4min);
    ASSERT_EQ(store->retry_waiting(lane_id, clock.stored_now(), 1, false).value(), 1);
    scheduler->probe(lane_id);
    settle();
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
    EXPECT_EQ(lane().breaker, CircuitBreaker::State::kClosed);
}

TEST_F(LanesFaultTest, WaitingCalloutsAreMadeDueTogether) {
    start();
    add(notification());
    for (int i = 0; i < 5; ++i) answers.emplace_back(respond(500));
    for (int i = 0; i < 5; ++i) (void)fire_one();
    const core::NotificationId id = lane().id;
    EXPECT_EQ(store->retry_waiting(id, clock.stored_now(), 0, true).value(), 5);
    EXPECT_EQ(store->retry_waiting(id, clock.stored_now(), 3, false).value(), 3);
    EXPECT_EQ(store->retry_waiting(id, clock.stored_now(), 100, false).value(), 2);
    scheduler->wake(id);
    settle();
    EXPECT_EQ(store->counts()->notifications.at(0).delivered, 5);
}

TEST_F(LanesFaultTest, OpeningAndClosingOfTheBreakerAreToldWithStatusAndNextTry) {
    start();
    auto record = notification();
    record.breaker.min_attempts = 1;
    record.breaker.failure_percent = 100;
    add(std::move(record));
    answers = {respond(503)};
    (void)fire_one();
    const auto opened = log.of("breaker_opened");
    ASSERT_EQ(opened.size(), 1U);
    EXPECT_EQ(opened[0].at("notification"), "invoices");
    EXPECT_EQ(opened[0].at("status"), 503);
    EXPECT_TRUE(opened[0].contains("next_try"));
    advance(6s);
    EXPECT_EQ(log.of("breaker_closed").size(), 1U);
}

TEST_F(LanesFaultTest, DeadCalloutsAreToldOnceAMinuteWithTheirNumber) {
    start();
    auto record = notification();
    record.retry.schedule.clear();
    record.breaker.enabled = false;
    add(std::move(record));
    for (int i = 0; i < 5; ++i) answers.emplace_back(respond(500));
    for (int i = 0; i < 5; ++i) (void)fire_one();
    ASSERT_EQ(log.of("callout_dead").size(), 1U);
    EXPECT_EQ(log.of("callout_dead")[0].at("status"), 500);
    EXPECT_EQ(log.of("callout_dead")[0].at("reason"), "attempts_exhausted");
    advance(61s);
    ASSERT_EQ(log.of("callout_dead").size(), 2U);
    EXPECT_EQ(log.of("callout_dead")[1].at("times"), 4);
    advance(61s);
    EXPECT_EQ(log.of("callout_dead").size(), 2U) << "nothing more to tell";
}

TEST_F(LanesFaultTest, AHoldIsToldWithItsErrorAndItsEnd) {
    start();
    add(notification());
    answers = {failure("local_limit")};
    (void)fire_one();
    const auto held = log.of("lane_held");
    ASSERT_EQ(held.size(), 1U);
    EXPECT_EQ(held[0].at("reason"), "local_limit");
    EXPECT_TRUE(held[0].contains("error"));
    EXPECT_TRUE(held[0].contains("next_try"));
    advance(6s);
    EXPECT_EQ(log.of("lane_open").size(), 1U);
}

TEST_F(LanesFaultTest, WhatAPersonHeldIsNotLogged) {
    start();
    auto record = notification();
    record.paused = true;
    add(std::move(record));
    (void)fire_one();
    EXPECT_TRUE(log.of("lane_held").empty());
}

TEST(RefusedDestinationsTest, NamesWhatTheEgressPolicyRefuses) {
    storage::NotificationRecord inner;
    inner.name = "inner";
    inner.events = {"*"};
    inner.url = "http://10.0.0.1/{{ data.x }}";
    storage::NotificationRecord outer = inner.clone();
    outer.name = "outer";
    outer.url = "https://receiver.example/";
    std::vector<CompiledNotificationPtr> notifications;
    for (const auto* record : {&inner, &outer})
        notifications.push_back(compile(record->clone()).value());
    std::vector<storage::ProviderRecord> providers(1);
    providers[0].name = "crm";
    providers[0].token_endpoint = "https://127.0.0.1/token";
    const auto refused = refused_destinations(notifications, providers, {});
    ASSERT_EQ(refused.size(), 2U);
    EXPECT_EQ(refused[0].name, "inner");
    EXPECT_EQ(refused[1].owner, "provider");
    EXPECT_NE(refused[1].message.find("HERALD_EGRESS_ALLOW"), std::string::npos);
    const auto open = http::EgressPolicy::parse("10.0.0.0/8,127.0.0.1").value();
    EXPECT_TRUE(refused_destinations(notifications, providers, open).empty());
}

}  // namespace
}  // namespace herald::dispatcher
