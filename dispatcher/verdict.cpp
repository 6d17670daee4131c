#include "dispatcher/verdict.h"

#include <algorithm>
#include <array>

#include "core/encoding.h"
#include "core/json.h"
#include "core/outside_text.h"
#include "http/retry_after.h"

namespace herald::dispatcher {
namespace {

using std::chrono::milliseconds;
using storage::AttemptOutcome;

constexpr const char* kLocalLimit = "local_limit";
constexpr milliseconds kShortestRetryAfter{1'000};

// Answers about the moment or about our credentials, not about this callout: `reject=4xx` leaves
// them alone.
constexpr std::array<int, 7> kNeverRejectedAsClass{401, 407, 408, 409, 423, 425, 429};

Verdict failed(std::string reason, std::string error) {
    return {
        .outcome = AttemptOutcome::kFailed, .reason = std::move(reason), .error = std::move(error)};
}

bool is_rejected(int status, const storage::RetrySettings& settings) {
    if (status < 400 || status > 499) return false;
    const bool in_class = std::find(kNeverRejectedAsClass.begin(), kNeverRejectedAsClass.end(),
                                    status) == kNeverRejectedAsClass.end();
    const std::string exact = std::to_string(status);
    return std::any_of(
        settings.reject.begin(), settings.reject.end(),
        [&](const std::string& rule) { return rule == exact || (in_class && rule == "4xx"); });
}

std::optional<milliseconds> wait_asked_for(const http::Response& response, core::SystemTime now) {
    const auto asked = http::retry_after(response, now);
    if (!asked) return std::nullopt;
    return std::max(*asked, kShortestRetryAfter);
}

std::string redirect_text(const http::Response& response) {
    const auto location = response.headers.get("Location");
    return "redirect: " + (location ? std::string(*location) : std::string("no Location"));
}

// The scope a Bearer challenge says is missing; empty optional where no challenge speaks of scope
// (RFC 6750 section 3.1).
std::optional<std::string> missing_scope(const http::Response& response) {
    for (const http::Challenge& challenge : http::parse_challenges(response.headers)) {
        if (challenge.scheme != "bearer" || challenge.parameter("error") != "insufficient_scope")
            continue;
        return std::string(challenge.parameter("scope").value_or(""));
    }
    return std::nullopt;
}

// Empty where the answer counts as success. The value found is not told: it stands in the excerpt,
// masked.
std::optional<std::string> unsuccessful(const http::Response& response,
                                        const storage::SuccessField& success) {
    const std::string where = "success_field: " + success.pointer;
    if (response.body_truncated) return where + " cannot be read, the response body is too long";
    const std::string body = core::outside_text(response.body);
    if (!core::validate_json(body)) return where + " cannot be read, the response body is no JSON";
    const auto path = core::parse_json_pointer(success.pointer);
    const auto found = path ? core::raw_at(body, *path) : std::nullopt;
    if (!found) return where + " is not in the response body";
    const bool is_string = found->starts_with('"');
    const bool equal =
        is_string ? core::decode_json_string(*found) == success.value : *found == success.value;
    if (equal) return std::nullopt;
    return where + " is not " + success.value;
}

Verdict judge_success(const http::Response& response,
                      const storage::NotificationRecord& notification) {
    if (notification.success) {
        if (auto why = unsuccessful(response, *notification.success))
            return {.error = std::move(why)};
    }
    return {.outcome = AttemptOutcome::kDelivered};
}

Verdict judge_unauthorized(const http::Response& response) {
    const auto scope = missing_scope(response);
    if (!scope) return {.token_refused = true};
    return {.error = "insufficient_scope: the receiver asks for scope '" + *scope + "'"};
}

Verdict judge_failure_status(const http::Response& response) {
    if (response.status == 401) return judge_unauthorized(response);
    if (response.status == 429) return {.reason = "rate_limited"};
    if (response.status >= 300 && response.status <= 399) return {.error = redirect_text(response)};
    if (response.status >= 400 && response.status <= 599) return {};
    return {.error = "malformed: status " + std::to_string(response.status)};
}

Verdict judge_response(const http::Response& response,
                       const storage::NotificationRecord& notification, core::SystemTime now) {
    if (response.status >= 200 && response.status <= 299)
        return judge_success(response, notification);
    if (response.status == 410) return {.outcome = AttemptOutcome::kGone, .reason = "gone"};
    Verdict verdict = judge_failure_status(response);
    verdict.retry_after = wait_asked_for(response, now);
    if (is_rejected(response.status, notification.retry)) {
        verdict.outcome = AttemptOutcome::kRejected;
        verdict.reason = "rejected";
    }
    return verdict;
}

std::string text_of(const core::Error& error) {
    return error.code + ": " + error.message;
}

// Why an event's callout ends: the field that cannot be rendered where one can be named.
std::string reason_of_event(const core::Error& error) {
    if (error.code == "template_error")
        return "template_error:" + core::string_member(error.details, "path").value_or("");
    return "rejected_request:" + core::string_member(error.details, "field").value_or("");
}

Verdict judge_error(const core::Error& error) {
    const core::Fault fault = core::fault_of(error);
    switch (fault) {
        case core::Fault::kReceiver:
        case core::Fault::kAuthorizationServer:
            return {.error = text_of(error)};
        case core::Fault::kEvent:
        case core::Fault::kCaller:  // in a lane nobody but the event asks for anything
            return failed(reason_of_event(error), text_of(error));
        case core::Fault::kConfiguration:
        case core::Fault::kOurselves:
            return {.reason =
                        core::fault_of(error.code) == fault ? error.code : std::string(kLocalLimit),
                    .error = text_of(error),
                    .unspent = fault};
    }
    return {.error = text_of(error)};
}

ReceiverHealth health_of(const core::Result<http::Response>& result) {
    if (!result) {
        return core::fault_of(result.error()) == core::Fault::kReceiver ? ReceiverHealth::kFails
                                                                        : ReceiverHealth::kUnknown;
    }
    const int status = result->status;
    const bool fails = status == 408 || status == 429 || status >= 500;
    return fails ? ReceiverHealth::kFails : ReceiverHealth::kWorks;
}

}  // namespace

Verdict judge(const core::Result<http::Response>& result,
              const storage::NotificationRecord& notification, core::SystemTime now) {
    Verdict verdict =
        result ? judge_response(*result, notification, now) : judge_error(result.error());
    verdict.receiver = health_of(result);
    return verdict;
}

}  // namespace herald::dispatcher
