#include <gmock/gmock.h>

#include "core/await.h"
#include "core/encoding.h"
#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

using storage::CalloutState;

class CalloutHandlersTest : public ApiFixture {
protected:
    void SetUp() override { given_notification("posted", "invoice.*"); }

    std::vector<std::string> listed(const std::string& query) {
        std::vector<std::string> ids;
        const Answer page = must("GET", "/v1/callouts" + query);
        for (const auto& item : page.array_at("items")) ids.emplace_back(item.at("id").as_string());
        return ids;
    }
};

TEST_F(CalloutHandlersTest, ShowsEveryMemberOfTheContract) {
    const std::string id = given_callout();
    storage::AttemptRecord attempt;
    attempt.callout = core::CalloutId::parse(id).value();
    attempt.started_at = clock_.stored_now();
    attempt.duration = std::chrono::milliseconds(31);
    attempt.status = 503;
    attempt.token_generation = 3;
    attempt.response_excerpt = "busy";
    storage::CalloutUpdate update;
    update.id = attempt.callout;
    update.notification = store_->notification("posted").value().id;
    update.reason = "retry";
    update.due_at = clock_.stored_now() + std::chrono::seconds(5);
    update.attempts = 1;
    update.failures = 1;
    settle("posted", CalloutState::kInFlight, "");
    core::wait_done<bool>([&](core::Done<bool> done) {
        store_->record_attempt(
            std::make_shared<storage::CalloutOutcome>(std::vector{attempt}, update),
            std::move(done));
    }).value();
    const Answer shown = must("GET", "/v1/callouts/" + id);
    std::string text = shown.text;
    text.erase(text.find(R"("event_id":")") + 12, 30);
    EXPECT_EQ(text,
              R"({"id":")" + id +
                  R"(","event_id":"","notification":"posted","provider":null,"state":"pending",)"
                  R"("reason":"retry","created_at":"2026-11-21T08:00:00.000Z",)"
                  R"("due_at":"2026-11-21T08:00:05.000Z",)"
                  R"("claimed_at":"2026-11-21T08:00:00.000Z","finished_at":null,"crashes":0,)"
                  R"("attempts":[{"number":1,"resend":false,)"
                  R"("started_at":"2026-11-21T08:00:00.000Z","duration_ms":31,)"
                  R"("status":503,"outcome":"retry","error":null,)"
                  R"("token_generation":3,"track_id":null,"response_excerpt":"busy"}]})");
}

TEST_F(CalloutHandlersTest, PagesAreNewestFirstAndEndWithNull) {
    std::vector<std::string> fired;
    for (int i = 0; i < 5; ++i) {
        clock_.advance(std::chrono::milliseconds(1));
        fired.insert(fired.begin(), given_callout());
    }
    std::vector<std::string> seen;
    std::string cursor;
    int pages = 0;
    do {
        const Answer page = must("GET", "/v1/callouts?limit=2" + cursor);
        for (const auto& item : page.array_at("items"))
            seen.emplace_back(item.at("id").as_string());
        cursor = page.at("next_cursor").is_null() ? "" : "&cursor=" + page.text_at("next_cursor");
        ++pages;
    } while (!cursor.empty());
    EXPECT_EQ(seen, fired);
    EXPECT_EQ(pages, 3);
    EXPECT_TRUE(must("GET", "/v1/callouts?limit=5").at("next_cursor").is_null());
}

TEST_F(CalloutHandlersTest, FiltersNarrowTheList) {
    given_notification("other", "*");
    given_callout();
    const std::string first = listed("?notification=posted").front();
    clock_.advance(std::chrono::seconds(10));
    const Answer second = must("POST", "/v1/events", R"({"type":"payment.done"})");
    settle("posted", CalloutState::kDead, "attempts_exhausted");
    EXPECT_THAT(listed("?state=dead"), testing::ElementsAre(first));
    EXPECT_EQ(listed("?state=pending").size(), 2U);
    EXPECT_EQ(listed("?notification=other").size(), 2U);
    EXPECT_THAT(listed("?event=" + second.text_at("id")),
                testing::ElementsAre(second.text_at("callouts.0.id")));
    EXPECT_THAT(listed("?since=2026-11-21T08:00:05Z"),
                testing::ElementsAre(second.text_at("callouts.0.id")));
    EXPECT_TRUE(listed("?state=dead&notification=other").empty());
}

struct BadQuery {
    const char* query;
    int status;
    const char* code;
    const char* field;
};

TEST_F(CalloutHandlersTest, BadQueriesAreRefused) {
    const std::vector<BadQuery> rows = {
        {"limit=0", 422, "invalid_argument", "limit"},
        {"limit=-1", 422, "invalid_argument", "limit"},
        {"limit=1000000000", 422, "invalid_argument", "limit"},
        {"limit=1001", 422, "invalid_argument", "limit"},
        {"limit=ten", 422, "invalid_argument", "limit"},
        {"limit=", 422, "invalid_argument", "limit"},
        {"state=lost", 422, "invalid_argument", "state"},
        {"since=yesterday", 422, "invalid_argument", "since"},
        {"event=nonsense", 422, "invalid_argument", "event"},
        {"order=asc", 422, "invalid_argument", "order"},
        {"cursor=nonsense", 400, "malformed_request", nullptr},
        {"cursor=", 400, "malformed_request", nullptr},
        {"cursor=evt_01JD7Z00000000000000000000", 400, "malformed_request", nullptr},
        {"cursor=cal_ZZZZZZZZZZZZZZZZZZZZZZZZZZ", 400, "malformed_request", nullptr},
        {"cursor=cal_01JD7Z0000000000000000000%27", 400, "malformed_request", nullptr},
    };
    for (const BadQuery& row : rows) {
        const Answer answer = call("GET", std::string("/v1/callouts?") + row.query);
        EXPECT_EQ(answer.status, row.status) << row.query;
        EXPECT_EQ(answer.text_at("code"), row.code) << row.query;
        if (row.field != nullptr) {
            EXPECT_EQ(answer.text_at("details.field"), row.field) << row.query;
        }
    }
}

TEST_F(CalloutHandlersTest, WildcardsInFiltersAreLiteral) {
    given_callout();
    for (const char* name : {"%", "_", "poste_", "post%", "\\", "'"}) {
        EXPECT_TRUE(listed("?notification=" + core::percent_encode(name)).empty()) << name;
    }
}

TEST_F(CalloutHandlersTest, ADeadCalloutIsRetriedAndADeliveredOneIsNot) {
    const std::string dead = given_callout();
    settle("posted", CalloutState::kDead, "rejected");
    EXPECT_EQ(must("GET", "/v1/callouts/" + dead).text_at("reason"), "rejected");
    const Answer retried = must("POST", "/v1/callouts/" + dead + "/retry");
    EXPECT_EQ(retried.text_at("state"), "pending");
    EXPECT_TRUE(retried.at("reason").is_null());
    settle("posted", CalloutState::kDelivered, "");
    const Answer refused = call("POST", "/v1/callouts/" + dead + "/retry");
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(refused.text_at("code"), "callout_delivered");
}

TEST_F(CalloutHandlersTest, WhatIsInFlightIsLeftAlone) {
    const std::string id = given_callout();
    settle("posted", CalloutState::kInFlight, "");
    for (const char* operation : {"/retry", "/cancel"}) {
        const Answer refused = call("POST", "/v1/callouts/" + id + operation);
        EXPECT_EQ(refused.status, 409) << operation;
        EXPECT_EQ(refused.text_at("code"), "callout_in_flight") << operation;
    }
}

TEST_F(CalloutHandlersTest, APendingCalloutIsCancelledOnce) {
    const std::string id = given_callout();
    EXPECT_EQ(must("POST", "/v1/callouts/" + id + "/cancel").text_at("state"), "cancelled");
    EXPECT_EQ(call("POST", "/v1/callouts/" + id + "/cancel").text_at("code"), "callout_finished");
}

TEST_F(CalloutHandlersTest, UnknownIdsAreNotFound) {
    for (const char* id :
         {"cal_01JD7Z00000000000000000000", "nonsense", "evt_01JD7Z00000000000000000000"}) {
        EXPECT_EQ(call("GET", std::string("/v1/callouts/") + id).status, 404) << id;
        EXPECT_EQ(call("POST", std::string("/v1/callouts/") + id + "/retry").status, 404) << id;
        EXPECT_EQ(call("POST", std::string("/v1/callouts/") + id + "/cancel").status, 404) << id;
    }
}

class ManyCalloutsTest : public ApiFixture {
protected:
    ManyCalloutsTest() : ApiFixture(true) {}
    void SetUp() override { given_notification("posted", "invoice.*"); }
};

TEST_F(ManyCalloutsTest, AllDeadOnesAreRetriedInSteps) {
    std::string lines;
    for (int i = 0; i < 2500; ++i) lines += "{\"type\":\"invoice.posted\"}\n";
    ASSERT_EQ(call("POST", "/v1/events", lines, {{"content-type", "application/x-ndjson"}})
                  .at("accepted"),
              2500);
    settle("posted", CalloutState::kDead, "attempts_exhausted");
    EXPECT_EQ(must("POST", "/v1/callouts/retry", R"({"state":"dead","dry_run":true})").text,
              R"({"retried":2500,"dry_run":true})");
    EXPECT_EQ(must("GET", "/v1/stats").at("callouts.dead"), 2500);
    const Answer step = must("POST", "/v1/callouts/retry", R"({"state":"dead","limit":1200})");
    EXPECT_EQ(step.at("retried"), 1200);
    const std::string last = step.text_at("last");
    EXPECT_EQ(must("POST", "/v1/callouts/retry",
                   R"({"state":"dead","limit":1,"after":")" + last + R"("})")
                  .at("retried"),
              1);
    settle("posted", CalloutState::kDead, "attempts_exhausted");
    EXPECT_EQ(must("GET", "/v1/stats").at("callouts.dead"), 2500);
    EXPECT_EQ(must("POST", "/v1/callouts/retry",
                   R"({"state":"dead","limit":2000,"after":")" + last + R"("})")
                  .at("retried"),
              1300)
        << "those before it died again and are not taken twice";
    settle("posted", CalloutState::kDead, "attempts_exhausted");
    EXPECT_EQ(must("POST", "/v1/callouts/retry", R"({"state":"dead","limit":1200})").at("retried"),
              1200);
    EXPECT_EQ(must("GET", "/v1/stats").at("callouts.dead"), 1300);
    EXPECT_EQ(
        must("POST", "/v1/callouts/retry", R"({"state":"dead","notification":"posted"})").text,
        R"({"retried":1300,"dry_run":false})");
    EXPECT_EQ(must("GET", "/v1/stats").at("callouts.pending"), 2500);
}

TEST_F(CalloutHandlersTest, RetryingManyNeedsTheStateAndAKnownNotification) {
    for (const char* body : {"{}", R"({"state":"delivered"})", R"({"state":"dead","since":"x"})",
                             R"({"state":"dead","limit":0})"}) {
        EXPECT_EQ(call("POST", "/v1/callouts/retry", body).status, 422) << body;
    }
    EXPECT_EQ(call("POST", "/v1/callouts/retry", R"({"state":"dead","notification":"no"})").status,
              404);
    EXPECT_EQ(call("POST", "/v1/callouts/retry").status, 400);
}

TEST_F(CalloutHandlersTest, APendingCalloutTellsWhatHoldsIt) {
    given_provider();
    given_notification("auth", "*", R"({"kind":"oauth2","provider":"crm"})");
    const Answer fired = must("POST", "/v1/events", R"({"type":"invoice.posted"})");
    const auto reason_of = [&](const std::string& notification) {
        return listed("?notification=" + notification).empty()
                   ? std::string("none listed")
                   : must("GET", "/v1/callouts?notification=" + notification)
                         .text_at("items.0.reason");
    };
    EXPECT_EQ(reason_of("posted"), "null");
    must("POST", "/v1/notifications/posted/pause");
    EXPECT_EQ(reason_of("posted"), "paused");
    must("POST", "/v1/notifications/posted/disable");
    EXPECT_EQ(reason_of("posted"), "disabled");
    EXPECT_EQ(reason_of("auth"), "null");
    must("POST", "/v1/providers/crm/disable");
    EXPECT_EQ(reason_of("auth"), "auth_unavailable:crm");
    const Answer event = must("GET", "/v1/events/" + fired.text_at("id"));
    EXPECT_THAT(event.text_at("callouts"),
                testing::HasSubstr(R"("reason":"auth_unavailable:crm")"));
}

}  // namespace
}  // namespace herald::test
