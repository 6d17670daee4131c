#include <gmock/gmock.h>

#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

class EventHandlersTest : public ApiFixture {
protected:
    Answer fire(const std::string& body, std::map<std::string, std::string> headers = {}) {
        return call("POST", "/v1/events", body, std::move(headers));
    }
    Answer import(const std::string& lines) {
        return fire(lines, {{"content-type", "application/x-ndjson; charset=utf-8"}});
    }
    [[nodiscard]] std::int64_t stored_events() {
        return must("GET", "/v1/stats").at("events").as_int64();
    }
};

TEST_F(EventHandlersTest, AnEventIsAcceptedWithTheCalloutsItCauses) {
    given_notification("posted", "invoice.*");
    given_notification("other", "payment.*");
    const Answer fired = fire(R"({"type":"invoice.posted","data":{"a":1}})");
    EXPECT_EQ(fired.status, 202);
    EXPECT_EQ(fired.at("duplicate"), false);
    EXPECT_EQ(fired.text_at("callouts.0.notification"), "posted");
    EXPECT_EQ(fired.array_at("callouts").size(), 1U);
    EXPECT_THAT(fired.text_at("id"), testing::StartsWith("evt_"));
    EXPECT_THAT(fired.text_at("callouts.0.id"), testing::StartsWith("cal_"));
}

TEST_F(EventHandlersTest, DataStaysByteForByte) {
    const std::string data = R"({ "n": 12345678901234567890.10, "n": 1e400,	"u": "\u00e9\/" })";
    const Answer fired =
        fire(R"({"type":"a.b","data":)" + data + R"(,"occurred_at":"2026-11-21T09:00:00+02:00"})");
    ASSERT_EQ(fired.status, 202) << fired.text;
    const Answer shown = must("GET", "/v1/events/" + fired.text_at("id"));
    EXPECT_THAT(shown.text, testing::HasSubstr(R"("data":)" + data + R"(,"callouts":[])"));
    EXPECT_EQ(shown.text_at("occurred_at"), "2026-11-21T07:00:00.000Z");
    EXPECT_EQ(shown.text_at("received_at"), "2026-11-21T08:00:00.000Z");
}

TEST_F(EventHandlersTest, WithoutDataItIsNull) {
    const Answer shown = must("GET", "/v1/events/" + fire(R"({"type":"a.b"})").text_at("id"));
    EXPECT_THAT(shown.text, testing::HasSubstr(R"("data":null,)"));
    EXPECT_TRUE(shown.at("key").is_null());
}

TEST_F(EventHandlersTest, SaysWhyANotificationHasNoCallout) {
    given_notification("posted", "invoice.*");
    given_notification("payments", "payment.*");
    given_notification("off", "*");
    must("POST", "/v1/notifications/off/disable");
    const std::string id = fire(R"({"type":"invoice.posted"})").text_at("id");
    clock_.advance(std::chrono::seconds(1));
    given_notification("newer", "invoice.*");
    const Answer shown = must("GET", "/v1/events/" + id);
    EXPECT_EQ(shown.text_at("callouts.0.notification"), "posted");
    EXPECT_EQ(shown.text_at("callouts.0.state"), "pending");
    std::map<std::string, std::string> unmatched;
    for (const auto& each : shown.array_at("unmatched")) {
        unmatched[each.at("notification").as_string().c_str()] = each.at("why").as_string().c_str();
    }
    EXPECT_EQ(unmatched.size(), 3U);
    EXPECT_EQ(unmatched["off"], "disabled");
    EXPECT_EQ(unmatched["newer"], "created after the event");
    EXPECT_THAT(unmatched["payments"], testing::HasSubstr("payment.*"));
}

TEST_F(EventHandlersTest, AnUnknownEventIsNotFound) {
    for (const char* id :
         {"evt_01JD7Z00000000000000000000", "nonsense", "cal_01JD7Z00000000000000000000"}) {
        EXPECT_EQ(call("GET", std::string("/v1/events/") + id).status, 404) << id;
    }
}

TEST_F(EventHandlersTest, TheSameKeyGivesTheFirstEventAndOtherBytesAConflict) {
    const std::map<std::string, std::string> key = {{"idempotency-key", "k1"}};
    const Answer first = fire(R"({"type":"a.b","data":{"a":1}})", key);
    const Answer second = fire(R"({"type":"a.b","data":{"a":1},"key":"k1"})");
    EXPECT_EQ(second.status, 202);
    EXPECT_EQ(second.at("duplicate"), true);
    EXPECT_EQ(second.text_at("id"), first.text_at("id"));
    for (const char* other :
         {R"({"type":"a.b","data":{"a": 1}})", R"({"type":"a.c","data":{"a":1}})"}) {
        const Answer conflict = fire(other, key);
        EXPECT_EQ(conflict.status, 409) << other;
        EXPECT_EQ(conflict.text_at("code"), "idempotency_conflict") << other;
    }
    EXPECT_EQ(stored_events(), 1);
}

TEST_F(EventHandlersTest, LinesAreTakenOneByOneAndBadOnesReportedByNumber) {
    given_notification("all", "*");
    const Answer summary = import(
        "{\"type\":\"a.b\",\"data\":1,\"key\":\"k\"}\n"
        "\n"
        "not json\n"
        "{\"type\":\"a.b\",\"data\":1,\"key\":\"k\"}\r\n"
        "  \t\n"
        "{\"type\":\"a b\"}\n"
        "{\"type\":\"a.b\",\"data\":2,\"key\":\"k\"}\n"
        "{\"type\":\"a.b\",\"nonsense\":1}\n"
        "{\"type\":\"c.d\"}");
    EXPECT_EQ(summary.status, 202);
    EXPECT_EQ(summary.at("accepted"), 2);
    EXPECT_EQ(summary.at("duplicates"), 1);
    std::vector<std::int64_t> lines;
    for (const auto& rejected : summary.array_at("rejected")) {
        lines.push_back(rejected.at("line").to_number<std::int64_t>());
        EXPECT_FALSE(rejected.at("error").as_string().empty());
    }
    EXPECT_THAT(lines, testing::ElementsAre(3, 6, 7, 8));
    EXPECT_EQ(stored_events(), 2);
    EXPECT_EQ(must("GET", "/v1/callouts").array_at("items").size(), 2U);
}

class EventGroupCommitTest : public ApiFixture {
protected:
    EventGroupCommitTest() : ApiFixture(true) {}
};

TEST_F(EventGroupCommitTest, MoreLinesThanMayBeOutstandingAreAllTaken) {
    std::string lines;
    for (int i = 0; i < 3000; ++i) lines += R"({"type":"a.b","data":)" + std::to_string(i) + "}\n";
    const Answer summary =
        call("POST", "/v1/events", lines, {{"content-type", "application/x-ndjson"}});
    EXPECT_EQ(summary.at("accepted"), 3000);
    EXPECT_EQ(must("GET", "/v1/stats").at("events"), 3000);
}

TEST_F(EventHandlersTest, AnImportThatMustStopSaysAtWhichLine) {
    intake_->close();
    const Answer stopped = import("{\"type\":\"a.b\"}\n{\"type\":\"a.b\"}\n");
    EXPECT_EQ(stopped.status, 503);
    EXPECT_EQ(stopped.text_at("code"), "shutting_down");
    EXPECT_EQ(stopped.at("details.accepted"), 0);
    EXPECT_EQ(stopped.at("details.line"), 1);
}

TEST_F(EventHandlersTest, AnEmptyImportAcceptsNothing) {
    EXPECT_EQ(import("").text, R"({"accepted":0,"duplicates":0,"rejected":[]})");
}

TEST_F(EventHandlersTest, OneKeyForManyLinesIsRefused) {
    const Answer refused = fire("{\"type\":\"a.b\"}\n", {{"content-type", "application/x-ndjson"},
                                                         {"idempotency-key", "k"}});
    EXPECT_EQ(refused.status, 400);
}

TEST_F(EventHandlersTest, NothingShownCanMoveACursorOrTurnTextAround) {
    given_notification("posted", "a.*");
    const std::string hostile = "\u0085\u009b2J\u202eevil\u2066\x7f";
    const Answer fired =
        must("POST", "/v1/events",
             R"({"type":"a.b","data":{"text":")" + hostile + R"("},"key":")" + "k\u202e" + R"("})");
    const Answer shown = must("GET", "/v1/events/" + fired.text_at("id"));
    const Answer refused = call("GET", "/v1/providers/%C2%9B%E2%80%AEx");
    for (const Answer& answer : {shown, refused}) {
        for (const char* raw : {"\u0085", "\u009b", "\u202e", "\u2066", "\x7f"})
            EXPECT_EQ(answer.text.find(raw), std::string::npos) << answer.text;
    }
    EXPECT_EQ(shown.text_at("data.text"), hostile) << "still the same JSON";
}

}  // namespace
}  // namespace herald::test
