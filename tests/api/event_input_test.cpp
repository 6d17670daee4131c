#include "tests/api/api_fixture.h"

// The bad-input catalogue for events: E-17, E-18, E-20.
namespace herald::test {
namespace {

using EventInputTest = ApiFixture;

struct BadBody {
    std::string body;
    int status;
    const char* code;
    const char* field;  ///< null: none is named
};

std::string nested(int depth) {
    return R"({"type":"a.b","data":)" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}";
}

TEST_F(EventInputTest, BadBodiesAreRefusedAndNothingIsStored) {
    const std::vector<BadBody> rows = {
        {"", 400, "malformed_request", nullptr},
        {"not json", 400, "malformed_request", nullptr},
        {"[]", 400, "malformed_request", nullptr},
        {R"("text")", 400, "malformed_request", nullptr},
        {"{", 400, "malformed_request", nullptr},
        {R"({"type":"a.b"}x)", 400, "malformed_request", nullptr},
        {R"({"type":"a.b"}{})", 400, "malformed_request", nullptr},
        {R"({"type":"a.b","data":NaN})", 400, "malformed_request", nullptr},
        {R"({"type":"a.b","data":01})", 400, "malformed_request", nullptr},
        {R"({"type":"a.b",})", 400, "malformed_request", nullptr},
        {"{\"type\":\"a.b\",\"data\":\"\xff\"}", 400, "malformed_request", nullptr},
        {"{\"type\":\"a.b\",\"data\":\"\xed\xa0\x80\"}", 400, "malformed_request", nullptr},
        {R"({"type":"a.b","data":"\ud800"})", 400, "malformed_request", nullptr},
        {std::string("{\"type\":\"a.b\",\"data\":\"\0\"}", 25), 400, "malformed_request", nullptr},
        {nested(33), 400, "malformed_request", nullptr},
        {R"({"type":"a.b","type":"a.c"})", 400, "malformed_request", nullptr},
        {R"({"type":"a.b","data":1,"data":2})", 400, "malformed_request", nullptr},
        {R"({"type":"a.b","dat\u0061":1,"data":2})", 400, "malformed_request", nullptr},
        {R"({})", 422, "invalid_argument", "type"},
        {R"({"data":{}})", 422, "invalid_argument", "type"},
        {R"({"type":5})", 422, "invalid_argument", "type"},
        {R"({"type":""})", 422, "invalid_argument", "type"},
        {R"({"type":"a b"})", 422, "invalid_argument", "type"},
        {R"({"type":"a..b"})", 422, "invalid_argument", "type"},
        {R"({"type":")" + std::string(129, 'a') + R"("})", 422, "invalid_argument", "type"},
        {R"({"type":"a.b","key":5})", 422, "invalid_argument", "key"},
        {R"({"type":"a.b","key":")" + std::string(256, 'k') + R"("})", 422, "invalid_argument",
         "key"},
        {R"({"type":"a.b","occurred_at":"yesterday"})", 422, "invalid_argument", "occurred_at"},
        {R"({"type":"a.b","occurred_at":5})", 422, "invalid_argument", "occurred_at"},
        {R"({"type":"a.b","id":"evt_1"})", 422, "invalid_argument", "id"},
    };
    for (const BadBody& row : rows) {
        const Answer answer = call("POST", "/v1/events", row.body);
        EXPECT_EQ(answer.status, row.status) << row.body << " " << answer.text;
        EXPECT_EQ(answer.text_at("code"), row.code) << row.body;
        if (row.field != nullptr) {
            EXPECT_EQ(answer.text_at("details.field"), row.field) << row.body;
        }
    }
    EXPECT_EQ(must("GET", "/v1/stats").at("events"), 0);
}

TEST_F(EventInputTest, AMalformedBodySaysAtWhichByte) {
    EXPECT_TRUE(call("POST", "/v1/events", R"({"type":nope})").at("details.byte").is_number());
}

TEST_F(EventInputTest, DuplicateKeysInsideTheDataAreNobodysBusinessHere) {
    EXPECT_EQ(call("POST", "/v1/events", R"({"type":"a.b","data":{"a":1,"a":2}})").status, 202);
}

TEST_F(EventInputTest, BadKeyHeadersAreRefused) {
    const std::string body = R"({"type":"a.b"})";
    for (const std::string& key : {std::string(), std::string(256, 'k'), std::string("a\x01"),
                                   std::string("a\tb"), std::string("\xc3\xa9")}) {
        const Answer answer = call("POST", "/v1/events", body, {{"idempotency-key", key}});
        EXPECT_EQ(answer.status, 400) << key;
        EXPECT_EQ(answer.text_at("code"), "malformed_request") << key;
    }
    EXPECT_EQ(call("POST", "/v1/events", body, {{"idempotency-key", std::string(255, 'k')}}).status,
              202);
}

TEST_F(EventInputTest, HeaderAndMemberMustAgree) {
    const std::map<std::string, std::string> header = {{"idempotency-key", "a"}};
    EXPECT_EQ(call("POST", "/v1/events", R"({"type":"a.b","key":"a"})", header).status, 202);
    EXPECT_EQ(call("POST", "/v1/events", R"({"type":"a.b","key":"b"})", header).status, 400);
}

}  // namespace
}  // namespace herald::test
