#include <gmock/gmock.h>

#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

using NotificationHandlersTest = ApiFixture;

struct BadInput {
    const char* member;  ///< put into an otherwise good notification
    const char* field;
};

constexpr const char* kMembers =
    "id name enabled paused events method url headers header_encoding parameters secret_headers "
    "secret_parameters "
    "content_type body_template auth "
    "signing_secret unreadable_secrets timeout_ms "
    "retry max_in_flight rate_per_s breaker order_by success created_at updated_at ";

TEST_F(NotificationHandlersTest, ShowsEveryMemberOfTheContractWithItsDefault) {
    given_notification("posted", "invoice.*");
    const Answer shown = must("GET", "/v1/notifications/posted");
    std::string members;
    for (const auto& member : shown.json.as_object()) members.append(member.key()).append(" ");
    EXPECT_EQ(members, kMembers);
    EXPECT_EQ(shown.text_at("method"), "POST");
    EXPECT_EQ(shown.text_at("auth"), R"({"kind":"none"})");
    EXPECT_EQ(shown.at("timeout_ms"), 30000);
    EXPECT_EQ(shown.at("max_in_flight"), 64);
    EXPECT_EQ(shown.text_at("retry.schedule_s"), "[5,300,1800,7200,18000,36000,50400,72000,86400]");
    EXPECT_TRUE(shown.at("retry.max_age_s").is_null());
    EXPECT_EQ(shown.at("retry.jitter_percent"), 20);
    EXPECT_EQ(shown.text_at("breaker"), R"({"enabled":true,"failure_percent":50,"min_attempts":20,)"
                                        R"("window_s":30,"open_s":5,"max_open_s":300})");
    for (const char* absent :
         {"body_template", "signing_secret", "rate_per_s", "order_by", "success"}) {
        EXPECT_TRUE(shown.json.as_object().at(absent).is_null()) << absent;
    }
}

TEST_F(NotificationHandlersTest, TakesEveryMemberAndShowsItBack) {
    given_provider();
    const Answer added =
        must("POST", "/v1/notifications",
             R"({"name":"full","enabled":false,"paused":true,"events":["a.b","c.*"],
        "method":"PUT","url":"https://a.example/{{ data.id }}",
        "headers":[["X-A","1"],["X-B","2"]],"header_encoding":"percent","parameters":{"q":"{{ type }}"},
        "content_type":"text/plain","body_template":"hello {{ id }}",
        "auth":{"kind":"oauth2","provider":"crm"},
        "signing_secret":"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz","timeout_ms":5000,
        "retry":{"schedule_s":[1,2],"max_age_s":60,"reject":["4xx",422],"jitter_percent":0},
        "max_in_flight":7,"rate_per_s":2.5,
        "breaker":{"enabled":false,"failure_percent":1,"min_attempts":2,"window_s":3,"open_s":4,
        "max_open_s":5},"order_by":"data.account.id",
        "success":{"pointer":"/ok","value":"true"}})");
    EXPECT_EQ(added.text_at("headers"), R"({"X-A":"1","X-B":"2"})");
    EXPECT_EQ(added.text_at("header_encoding"), "percent");
    EXPECT_EQ(added.text_at("auth"), R"({"kind":"oauth2","provider":"crm","entity":null})");
    EXPECT_EQ(added.text_at("signing_secret"), "set");
    EXPECT_EQ(added.text_at("retry"),
              R"({"schedule_s":[1,2],"max_age_s":60,"reject":["4xx","422"],"jitter_percent":0})");
    EXPECT_EQ(added.text_at("breaker"), R"({"enabled":false,"failure_percent":1,"min_attempts":2,)"
                                        R"("window_s":3,"open_s":4,"max_open_s":5})");
    EXPECT_EQ(added.text_at("order_by"), "data.account.id");
    EXPECT_EQ(added.text_at("success"), R"({"pointer":"/ok","value":"true"})");
    EXPECT_EQ(added.at("rate_per_s"), 2.5);
    EXPECT_EQ(added.at("enabled"), false);
    EXPECT_EQ(added.at("paused"), true);
}

TEST_F(NotificationHandlersTest, AuthKeepsTheSecretWhileItsKindStays) {
    given_notification("posted", "*",
                       R"({"kind":"basic","username":"u","password":"CANARY-password"})");
    const Answer edited =
        must("PATCH", "/v1/notifications/posted", R"({"auth":{"kind":"basic","username":"v"}})");
    EXPECT_EQ(edited.text_at("auth"), R"({"kind":"basic","username":"v","password":"set"})");
    const auto record = store_->notification("posted").value();
    EXPECT_EQ(std::get<storage::BasicAuth>(record.auth).password.reveal(), "CANARY-password");
    const Answer other =
        call("PATCH", "/v1/notifications/posted", R"({"auth":{"kind":"header","name":"X-Key"}})");
    EXPECT_EQ(other.text_at("details.field"), "auth.value");
}

TEST_F(NotificationHandlersTest, RetryMayBeWrittenAsOnTheCommandLine) {
    given_notification("posted", "*");
    const Answer edited = must("PATCH", "/v1/notifications/posted",
                               R"({"retry":"schedule=5s,5m;max-age=24h;jitter=10%"})");
    EXPECT_EQ(edited.text_at("retry"),
              R"({"schedule_s":[5,300],"max_age_s":86400,"reject":[],"jitter_percent":10})");
    EXPECT_EQ(must("PATCH", "/v1/notifications/posted", R"({"retry":{"max_age_s":null}})")
                  .text_at("retry"),
              R"({"schedule_s":[5,300],"max_age_s":null,"reject":[],"jitter_percent":10})");
}

TEST_F(NotificationHandlersTest, BreakerMayBeWrittenAsOnTheCommandLineAndChangedInPart) {
    given_notification("posted", "*");
    const auto after = [&](const std::string& breaker) {
        return must("PATCH", "/v1/notifications/posted", R"({"breaker":)" + breaker + "}")
            .text_at("breaker");
    };
    EXPECT_EQ(after(R"("failures=25%;open=10s")"),
              R"({"enabled":true,"failure_percent":25,"min_attempts":20,)"
              R"("window_s":30,"open_s":10,"max_open_s":300})");
    EXPECT_EQ(after(R"({"min_attempts":5,"enabled":false})"),
              R"({"enabled":false,"failure_percent":25,"min_attempts":5,)"
              R"("window_s":30,"open_s":10,"max_open_s":300})");
    EXPECT_EQ(after(R"("default")"), R"({"enabled":true,"failure_percent":50,"min_attempts":20,)"
                                     R"("window_s":30,"open_s":5,"max_open_s":300})");
    EXPECT_EQ(must("PATCH", "/v1/notifications/posted", R"({"timeout_ms":1000})")
                  .at("breaker.failure_percent"),
              50);
}

TEST_F(NotificationHandlersTest, TheOrderIsClearedByNullAndKeptWhereItIsNotGiven) {
    given_notification("posted", "*");
    must("PATCH", "/v1/notifications/posted", R"({"order_by":"data.lines.0.sku"})");
    EXPECT_EQ(
        must("PATCH", "/v1/notifications/posted", R"({"timeout_ms":1000})").text_at("order_by"),
        "data.lines.0.sku");
    EXPECT_TRUE(
        must("PATCH", "/v1/notifications/posted", R"({"order_by":null})").at("order_by").is_null());
}

TEST_F(NotificationHandlersTest, LaneSettingsOutOfRangeAreRefusedAndChangeNothing) {
    given_notification("posted", "*");
    const std::string before = must("GET", "/v1/notifications/posted").text;
    const std::vector<BadInput> rows = {
        {R"("breaker":{"failure_percent":0})", "breaker"},
        {R"("breaker":{"failure_percent":4294967346})", "breaker"},
        {R"("breaker":{"min_attempts":1001})", "breaker"},
        {R"("breaker":{"window_s":601})", "breaker"},
        {R"("breaker":{"open_s":3601})", "breaker"},
        {R"("breaker":{"open_s":400})", "breaker"},
        {R"("breaker":{"max_open_s":86401})", "breaker"},
        {R"("breaker":{"window_s":9223372036854775807})", "breaker"},
        {R"("breaker":"min=5;min=5")", "breaker"},
        {R"("retry":{"jitter_percent":60})", "retry"},
        {R"("retry":{"jitter_percent":-1})", "retry"},
        {R"("retry":{"jitter_percent":4294967306})", "retry"},
        {R"("order_by":"none")", "order_by"},
        {R"("order_by":"data.a | 1")", "order_by"},
    };
    for (const BadInput& row : rows) {
        const Answer answer =
            call("PATCH", "/v1/notifications/posted", "{" + std::string(row.member) + "}");
        EXPECT_EQ(answer.status, 422) << row.member << " " << answer.text;
        EXPECT_EQ(answer.text_at("details.field"), row.field) << row.member;
    }
    EXPECT_EQ(must("GET", "/v1/notifications/posted").text, before);
}

TEST_F(NotificationHandlersTest, BadInputNamesTheField) {
    const std::vector<BadInput> rows = {
        {R"("nonsense":1)", "nonsense"},
        {R"("id":"ntf_1")", "id"},
        {R"("created_at":"x")", "created_at"},
        {R"("events":"a.b")", "events"},
        {R"("events":[1])", "events"},
        {R"("enabled":1)", "enabled"},
        {R"("method":null)", "method"},
        {R"("headers":{"a":1})", "headers"},
        {R"("body_template":5)", "body_template"},
        {R"("signing_secret":"set")", "signing_secret"},
        {R"("auth":"basic")", "auth"},
        {R"("auth":{})", "auth.kind"},
        {R"("auth":{"kind":"magic"})", "auth.kind"},
        {R"("auth":{"kind":"none","password":"x"})", "auth.password"},
        {R"("auth":{"kind":"basic","username":"u"})", "auth.password"},
        {R"("auth":{"kind":"basic","username":"u","password":"set"})", "auth.password"},
        {R"("auth":{"kind":"oauth2"})", "auth.provider"},
        {R"("timeout_ms":"30s")", "timeout_ms"},
        {R"("timeout_ms":1.5)", "timeout_ms"},
        {R"("max_in_flight":99999999999)", "max_in_flight"},
        {R"("rate_per_s":"5/s")", "rate_per_s"},
        {R"("retry":5)", "retry"},
        {R"("retry":{"schedule_s":5})", "retry.schedule_s"},
        {R"("retry":{"schedule_s":["5s"]})", "retry.schedule_s"},
        {R"("retry":{"reject":"4xx"})", "retry.reject"},
        {R"("retry":{"steps":[]})", "retry.steps"},
        {R"("retry":{"jitter_percent":"10%"})", "retry.jitter_percent"},
        {R"("breaker":null)", "breaker"},
        {R"("breaker":true)", "breaker"},
        {R"("breaker":{"enabled":1})", "breaker.enabled"},
        {R"("breaker":{"window_s":"30s"})", "breaker.window_s"},
        {R"("breaker":{"max_open_s":1.5})", "breaker.max_open_s"},
        {R"("breaker":{"failures":50})", "breaker.failures"},
        {R"("order_by":1)", "order_by"},
        {R"("success":"x")", "success"},
        {R"("success":{"pointer":"/a"})", "success"},
        {R"("success":{"pointer":"a","value":"b"})", "success.pointer"},
    };
    for (const BadInput& row : rows) {
        const Answer answer =
            call("POST", "/v1/notifications",
                 R"({"name":"n","url":"https://a.example/",)" + std::string(row.member) + "}");
        EXPECT_EQ(answer.status, 422) << row.member << " " << answer.text;
        EXPECT_EQ(answer.text_at("code"), "invalid_argument") << row.member;
        EXPECT_EQ(answer.text_at("details.field"), row.field) << row.member;
    }
    EXPECT_TRUE(must("GET", "/v1/notifications").json.as_array().empty());
}

TEST_F(NotificationHandlersTest, WhatBreaksARuleOfTheDispatcherIsRefusedToo) {
    const Answer answer = call("POST", "/v1/notifications",
                               R"({"name":"n","events":["a..b"],"url":"https://a.example/"})");
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(answer.text_at("code"), "invalid_argument");
}

TEST_F(NotificationHandlersTest, ItsProviderMustBeThere) {
    const Answer answer = call("POST", "/v1/notifications",
                               R"({"name":"n","events":["*"],"url":"https://a.example/",)"
                               R"("auth":{"kind":"oauth2","provider":"no"}})");
    EXPECT_EQ(answer.status, 404);
    EXPECT_THAT(answer.text_at("detail"), testing::HasSubstr("no provider named 'no'"));
}

TEST_F(NotificationHandlersTest, TheNameIsTakenOnceAndNeverChanged) {
    given_notification("posted", "*");
    const Answer again = call("POST", "/v1/notifications",
                              R"({"name":"posted","events":["*"],"url":"https://a.example/"})");
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(again.text_at("code"), "notification_exists");
    EXPECT_EQ(call("PATCH", "/v1/notifications/posted", R"({"name":"other"})").status, 422);
}

TEST_F(NotificationHandlersTest, SwitchesAreTurnedOneByOne) {
    given_notification("posted", "*");
    EXPECT_EQ(must("POST", "/v1/notifications/posted/pause").at("paused"), true);
    EXPECT_EQ(must("POST", "/v1/notifications/posted/disable").at("enabled"), false);
    EXPECT_EQ(must("POST", "/v1/notifications/posted/resume").at("paused"), false);
    EXPECT_EQ(must("POST", "/v1/notifications/posted/enable").at("enabled"), true);
    EXPECT_EQ(call("POST", "/v1/notifications/nobody/pause").status, 404);
}

TEST_F(NotificationHandlersTest, DeletionWaitsForItsCalloutsUnlessTheyAreCancelled) {
    given_notification("posted", "*");
    const std::string callout = given_callout();
    const Answer refused = call("DELETE", "/v1/notifications/posted");
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(refused.text_at("code"), "notification_in_use");
    EXPECT_EQ(refused.at("details.unfinished_callouts"), 1);
    EXPECT_EQ(must("DELETE", "/v1/notifications/posted?cancel_pending=true").text,
              R"({"deleted":"posted"})");
    const Answer kept = must("GET", "/v1/callouts/" + callout);
    EXPECT_EQ(kept.text_at("state"), "cancelled");
    EXPECT_EQ(kept.text_at("notification"), "posted");
    EXPECT_EQ(call("GET", "/v1/notifications/posted").status, 404);
}

}  // namespace
}  // namespace herald::test
