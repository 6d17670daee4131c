#include <gmock/gmock.h>

#include "api/handlers/overview.h"
#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

using StatusHandlersTest = ApiFixture;

TEST_F(StatusHandlersTest, StatsHaveTheShapeOfTheContract) {
    given_provider();
    given_notification("posted", "invoice.*");
    given_callout();
    clock_.advance(std::chrono::milliseconds(4200));
    EXPECT_EQ(must("GET", "/v1/stats").text,
              R"({"events":1,"callouts":{"pending":1,"claimed":0,"in_flight":0,)"
              R"("delivered":0,"dead":0,"cancelled":0},)"
              R"("oldest_pending_s":4.2E0,)"
              R"("notifications":[{"name":"posted","state":"open","pending":1,)"
              R"("claimed":0,"in_flight":0,"delivered":0,"dead":0,"breaker":"closed"}],)"
              R"("providers":[{"name":"crm","state":"no_token","token_requests":0}]})");
    must("POST", "/v1/notifications/posted/pause");
    EXPECT_EQ(must("GET", "/v1/stats").text_at("notifications.0.state"), "paused");
}

TEST_F(StatusHandlersTest, NothingPendingHasNoAge) {
    EXPECT_TRUE(must("GET", "/v1/stats").at("oldest_pending_s").is_null());
}

TEST_F(StatusHandlersTest, DeletedNotificationsStillCountInTheTotals) {
    given_notification("posted", "*");
    given_callout();
    must("DELETE", "/v1/notifications/posted?cancel_pending=true");
    const Answer stats = must("GET", "/v1/stats");
    EXPECT_EQ(stats.at("callouts.cancelled"), 1);
    EXPECT_TRUE(stats.array_at("notifications").empty());
}

TEST_F(StatusHandlersTest, ADaemonThatStopsIsNotReadyAndStillAlive) {
    EXPECT_EQ(call("GET", "/readyz").status, 200);
    is_stopping_ = true;
    const Answer refused = call("GET", "/readyz");
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.text_at("code"), "shutting_down");
    EXPECT_EQ(call("GET", "/livez").status, 200);
}

TEST_F(StatusHandlersTest, MetricsAreInTheExpositionFormat) {
    provider_ = [](const http::Request&) { return token_response(); };
    given_provider();
    must("POST", "/v1/providers/crm/token/obtain");
    given_notification("posted", "invoice.*");
    given_callout();
    const std::string text = must("GET", "/metrics").text;
    for (const char* line :
         {"# TYPE herald_callouts gauge", R"(herald_callouts{state="pending"} 1)",
          "herald_events 1", "herald_history_events_pruned_total 0",
          R"(herald_token_requests_total{provider="crm",grant="client_credentials",result="ok"} 1)",
          R"(herald_token_request_duration_seconds_count{provider="crm"} 1)",
          R"(herald_token_expiry_seconds{provider="crm"} 3600)",
          R"(herald_provider_state{provider="crm",state="authorized"} 1)",
          R"(herald_lane_callouts{notification="posted",state="pending"} 1)",
          "# TYPE herald_lane_in_flight gauge", R"(herald_lane_in_flight{notification="posted"} 0)",
          R"(herald_lane_state{notification="posted",state="open",breaker="closed"} 1)"}) {
        EXPECT_THAT(text, testing::HasSubstr(line + std::string("\n")));
    }
    EXPECT_THAT(text, testing::EndsWith("\n"));
}

TEST(MetricsTextTest, ShowsWhatALaneDoesNow) {
    api::Overview overview;
    overview.lanes.emplace_back();
    overview.lanes.back() = {.name = "n",
                             .state = "breaker_open",
                             .breaker = "open",
                             .counts = {},
                             .requests_on_the_wire = 7};
    const std::string text = api::metrics_text(overview);
    for (const char* line :
         {R"(herald_lane_in_flight{notification="n"} 7)",
          R"(herald_lane_state{notification="n",state="breaker_open",breaker="open"} 1)"}) {
        EXPECT_THAT(text, testing::HasSubstr(line + std::string("\n")));
    }
}

TEST(MetricsTextTest, EscapesLabelValues) {
    api::Overview overview;
    overview.providers.emplace_back();
    overview.providers.back().name = "a\"b\\c\nd";
    EXPECT_THAT(api::metrics_text(overview), testing::HasSubstr(R"({provider="a\"b\\c\nd"} 0)"));
}

}  // namespace
}  // namespace herald::test
