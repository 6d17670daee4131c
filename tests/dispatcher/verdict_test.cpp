#include "dispatcher/verdict.h"

#include <gtest/gtest.h>

#include "dispatcher/retry_policy.h"
#include "tests/dispatcher/samples.h"

namespace herald::dispatcher {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using storage::AttemptOutcome;

const core::SystemTime kNow = test::at("2026-03-01T12:00:00Z");
const core::StoredTime kStored = test::stored_at("2026-03-01T12:00:00Z");

http::Response response(int status, std::vector<std::pair<std::string, std::string>> headers = {},
                        std::string body = "") {
    http::Response answer{.status = status, .headers = {}, .body = std::move(body)};
    for (auto& [name, value] : headers) answer.headers.add(std::move(name), std::move(value));
    return answer;
}

Verdict judged(http::Response answer,
               const storage::NotificationRecord& notification = test::sample_notification()) {
    return judge(std::move(answer), notification, kNow);
}

storage::NotificationRecord rejecting(std::vector<std::string> statuses) {
    auto notification = test::sample_notification();
    notification.retry.reject = std::move(statuses);
    return notification;
}

// E-55
TEST(VerdictTest, EverySuccessStatusDelivers) {
    for (const int status : {200, 201, 202, 203, 204, 206, 299}) {
        const Verdict verdict = judged(response(status, {{"Retry-After", "60"}}));
        EXPECT_EQ(verdict.outcome, AttemptOutcome::kDelivered) << status;
        EXPECT_EQ(verdict.error, std::nullopt);
        EXPECT_EQ(verdict.retry_after, std::nullopt) << "E-70";
    }
}

TEST(VerdictTest, OtherStatusesRetryByDefault) {
    for (const int status :
         {300, 301, 302, 304, 307, 308, 400, 401, 402, 403, 404, 405, 407, 408, 409, 411,
          413, 415, 418, 421, 422, 423, 425, 429, 451, 499, 500, 501, 502, 503, 504, 599}) {
        EXPECT_EQ(judged(response(status)).outcome, AttemptOutcome::kRetry) << status;
    }
}

TEST(VerdictTest, WhichAnswersSayThatTheReceiverFails) {
    for (int status = 200; status <= 599; ++status) {
        const bool fails = status == 408 || status == 429 || status >= 500;
        EXPECT_EQ(judged(response(status)).receiver,
                  fails ? ReceiverHealth::kFails : ReceiverHealth::kWorks)
            << status;
    }
}

// E-60
TEST(VerdictTest, GoneEndsTheCallout) {
    const Verdict verdict = judged(response(410, {{"Retry-After", "5"}}));
    EXPECT_EQ(verdict.outcome, AttemptOutcome::kGone);
    EXPECT_EQ(verdict.reason, "gone");
}

// E-57
TEST(VerdictTest, RejectsTheClassButNotWhatIsAboutTheMomentOrTheCredentials) {
    const auto notification = rejecting({"4xx"});
    for (const int status : {400, 402, 403, 404, 405, 406, 411, 413, 415, 418, 422, 451}) {
        const Verdict verdict = judged(response(status), notification);
        EXPECT_EQ(verdict.outcome, AttemptOutcome::kRejected) << status;
        EXPECT_EQ(verdict.reason, "rejected");
    }
    for (const int status : {302, 401, 407, 408, 409, 423, 425, 429, 500, 503}) {
        EXPECT_EQ(judged(response(status), notification).outcome, AttemptOutcome::kRetry) << status;
    }
    EXPECT_EQ(judged(response(410), notification).outcome, AttemptOutcome::kGone);
}

TEST(VerdictTest, RejectsExactStatusesAlone) {
    const auto notification = rejecting({"422", "409"});
    EXPECT_EQ(judged(response(422), notification).outcome, AttemptOutcome::kRejected);
    EXPECT_EQ(judged(response(409), notification).outcome, AttemptOutcome::kRejected);
    EXPECT_EQ(judged(response(400), notification).outcome, AttemptOutcome::kRetry);
}

// E-56
TEST(VerdictTest, RedirectsAreToldNotFollowed) {
    // As it came and whole: who records it masks, then cuts, then makes it printable.
    EXPECT_EQ(judged(response(302, {{"Location", "https://elsewhere.example/\x1b[31m"}})).error,
              "redirect: https://elsewhere.example/\x1b[31m");
    EXPECT_EQ(judged(response(304)).error, "redirect: no Location");
}

TEST(VerdictTest, OnlyA401RefusesTheToken) {
    EXPECT_TRUE(judged(response(401)).token_refused);
    EXPECT_TRUE(judged(response(401, {{"WWW-Authenticate", R"(Bearer error="invalid_token")"}}))
                    .token_refused);
    for (const int status : {200, 302, 400, 403, 407, 429, 500}) {
        EXPECT_FALSE(judged(response(status)).token_refused) << status;  // O-91
    }
}

// O-92
TEST(VerdictTest, ATooSmallScopeIsReportedAndRefusesNoToken) {
    const Verdict verdict = judged(response(
        401,
        {{"WWW-Authenticate", R"(Basic realm="a, b")"},
         {"WWW-Authenticate", R"(Bearer realm="x", error="insufficient_scope", scope="a b")"}}));
    EXPECT_FALSE(verdict.token_refused);
    EXPECT_EQ(verdict.outcome, AttemptOutcome::kRetry);
    EXPECT_EQ(verdict.error, "insufficient_scope: the receiver asks for scope 'a b'");
}

TEST(VerdictTest, TooManyRequestsIsARateLimit) {
    EXPECT_EQ(judged(response(429)).reason, "rate_limited");
    EXPECT_EQ(judged(response(503)).reason, "");
}

struct RetryAfterCase {
    std::string_view name;
    std::vector<std::string> values;
    milliseconds expected;  ///< until the next try, with a schedule of one second
};

/// The jitter of a one-second step is at most 200 ms; the low end keeps `Retry-After` of 1 s on
/// top.
class LowRandom final : public core::Random {
public:
    [[nodiscard]] std::uint64_t next() override { return 0; }
};

// R-11: E-61 to E-69 through judge and decide.
TEST(VerdictTest, RetryAfterTable) {
    const milliseconds unasked(800);
    const RetryAfterCase cases[] = {
        {"E-61", {"5"}, seconds(5)},
        {"E-62", {"0"}, seconds(1)},
        {"E-63 negative", {"-1"}, unasked},
        {"E-63 word", {"abc"}, unasked},
        {"E-63 empty", {""}, unasked},
        {"E-63 unit", {"5s"}, unasked},
        {"E-63 list", {"5,6"}, unasked},
        {"E-64", {"99999999999"}, hours(24)},
        {"E-64 overflow", {"99999999999999999999999999"}, hours(24)},
        {"E-65", {"Sun, 01 Mar 2026 12:01:00 GMT"}, seconds(60)},
        {"E-65 capped", {"Mon, 01 Mar 2027 12:00:00 GMT"}, hours(24)},
        {"E-66", {"Sun, 01 Mar 2026 11:00:00 GMT"}, seconds(1)},
        {"E-67", {"5", "9"}, seconds(9)},
        {"E-67 one invalid", {"abc", "9"}, seconds(9)},
        {"E-68 exponent", {"1e3"}, unasked},
        {"E-68 hexadecimal", {"0x10"}, unasked},
        {"E-68 other digits", {"\xD9\xA5"}, unasked},
        {"E-69", {"  7 "}, seconds(7)},
    };
    const storage::RetrySettings settings{.schedule = {seconds(1)}, .max_age = {}, .reject = {}};
    for (const int status : {429, 503}) {
        for (const RetryAfterCase& expected : cases) {
            http::Response answer = response(status);
            for (const std::string& value : expected.values)
                answer.headers.add("Retry-After", value);
            LowRandom random;
            const Decision decision =
                decide(judged(std::move(answer)), settings,
                       {.failures = 0, .event_at = kStored, .now = kStored}, random);
            EXPECT_EQ(decision.due_at, kStored + expected.expected)
                << expected.name << " with " << status;
        }
    }
}

TEST(VerdictTest, OutsideThrottlingOnlyRetryAfterAsksForAWait) {
    EXPECT_EQ(judged(response(500, {{"Retry-After", "60"}})).retry_after, seconds(60));
    EXPECT_EQ(judged(response(500, {{"x-ratelimit-reset", "3600"}})).retry_after, std::nullopt);
    EXPECT_EQ(judged(response(429, {{"x-ratelimit-reset", "3600"}})).retry_after, seconds(3600));
}

TEST(VerdictTest, TheSuccessFieldDecidesWhere2xxDoesNot) {
    const struct {
        std::string_view pointer, value, body;
        bool delivered;
    } cases[] = {
        {"/success", "true", R"({"success":true})", true},
        {"/success", "true", R"({"success":"true"})", true},
        {"/success", "true", R"({"success":false})", false},
        {"/success", "true", R"({})", false},
        {"/success", "true", "", false},
        {"/success", "true", "<html>", false},
        {"/success", "true", "[true]", false},
        {"/results/0/code", "0", R"({"results":[{"code":0}]})", true},
        {"/results/0/code", "0", R"({"results":[{"code":0.0}]})", false},
        {"/a~1b", "x", R"({"a/b":"x"})", true},
        {"", "true", "true", true},
        {"/success", "true", "\xEF\xBB\xBF{\"success\":true}", true},
        {"/success", "true", "{\"success\":true,\"owner\":\"Ren\xE9\"}", true},
    };
    for (const auto& expected : cases) {
        auto notification = test::sample_notification();
        notification.success =
            storage::SuccessField{std::string(expected.pointer), std::string(expected.value)};
        const Verdict verdict = judged(
            response(200, {{"Retry-After", "60"}}, std::string(expected.body)), notification);
        EXPECT_EQ(verdict.outcome,
                  expected.delivered ? AttemptOutcome::kDelivered : AttemptOutcome::kRetry)
            << expected.pointer << " in " << expected.body;
        EXPECT_EQ(verdict.error.has_value(), !expected.delivered);
        EXPECT_EQ(verdict.retry_after, std::nullopt);
    }
}

// S-10: the excerpt is masked, this text is not.
TEST(VerdictTest, TheErrorNeverRepeatsWhatTheBodyHeld) {
    auto notification = test::sample_notification();
    notification.success = storage::SuccessField{"/token", "ok"};
    const Verdict verdict = judged(response(200, {}, R"({"token":"s3cret"})"), notification);
    EXPECT_EQ(verdict.error, "success_field: /token is not ok");
}

TEST(VerdictTest, TransportErrorsRetryWithTheirClass) {
    for (const std::string code : {"dns", "connect", "tls", "timeout", "http", "malformed"}) {
        const core::Error error{
            .kind = core::ErrorKind::kTransient, .code = code, .message = "it broke"};
        const Verdict verdict = judge(error, test::sample_notification(), kNow);
        EXPECT_EQ(verdict.outcome, AttemptOutcome::kRetry) << code;
        EXPECT_EQ(verdict.error, code + ": it broke");
        EXPECT_EQ(verdict.reason, "");
    }
}

// Whose fault it is decides: who is at fault pays, and nobody else.
TEST(VerdictTest, EveryErrorCodeIsJudgedByWhoseFaultItIs) {
    for (const core::CodeFault& row : core::code_faults()) {
        SCOPED_TRACE(row.code);
        const core::Error error{.kind = core::ErrorKind::kTransient,
                                .code = std::string(row.code),
                                .message = "it broke"};
        const Verdict verdict = judge(error, test::sample_notification(), kNow);
        const bool receiver = row.fault == core::Fault::kReceiver;
        EXPECT_EQ(verdict.receiver == ReceiverHealth::kFails, receiver);
        const bool nobody_here =
            row.fault == core::Fault::kConfiguration || row.fault == core::Fault::kOurselves;
        EXPECT_EQ(verdict.unspent.has_value(), nobody_here);
        if (nobody_here) {
            EXPECT_EQ(verdict.reason, row.code);
        }
        const bool event = row.fault == core::Fault::kEvent || row.fault == core::Fault::kCaller;
        EXPECT_EQ(verdict.outcome == AttemptOutcome::kFailed, event);
    }
}

TEST(VerdictTest, TroubleMetOnThisMachineIsOurOwnWhateverItsCode) {
    core::Error error{
        .kind = core::ErrorKind::kTransient, .code = "connect", .message = "no descriptor"};
    error.details["local"] = true;
    const Verdict verdict = judge(error, test::sample_notification(), kNow);
    EXPECT_EQ(verdict.unspent, core::Fault::kOurselves);
    EXPECT_EQ(verdict.reason, "local_limit");
    EXPECT_EQ(verdict.receiver, ReceiverHealth::kUnknown);
    error.details["local"] = false;
    EXPECT_EQ(judge(error, test::sample_notification(), kNow).receiver, ReceiverHealth::kFails);
}

// R-14a, S-05
TEST(VerdictTest, RequestsThatCannotBeBuiltFail) {
    core::Error error{
        .kind = core::ErrorKind::kPermanent, .code = "template_error", .message = "url: control"};
    error.details["path"] = "data.account.id";
    EXPECT_EQ(judge(error, test::sample_notification(), kNow).outcome, AttemptOutcome::kFailed);
    EXPECT_EQ(judge(error, test::sample_notification(), kNow).reason,
              "template_error:data.account.id");
    error.code = "rejected_request";
    error.details["field"] = "headers.X";
    const Verdict refused = judge(error, test::sample_notification(), kNow);
    EXPECT_EQ(refused.outcome, AttemptOutcome::kFailed);
    EXPECT_EQ(refused.reason, "rejected_request:headers.X");
}

}  // namespace
}  // namespace herald::dispatcher
