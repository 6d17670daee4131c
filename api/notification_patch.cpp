#include "api/notification_patch.h"

#include <algorithm>
#include <limits>

#include "api/auth_patch.h"
#include "api/member_reader.h"
#include "core/json.h"
#include "dispatcher/breaker_settings.h"
#include "dispatcher/retry_policy.h"

namespace herald::api {
namespace {

namespace json = boost::json;
using core::invalid_argument;
using core::Result;
using storage::BreakerSettings;
using storage::NotificationRecord;
using storage::RetrySettings;

void read_int(MemberReader& in, std::string_view key, int& into) {
    using Limits = std::numeric_limits<int>;
    std::int64_t number = into;
    in.whole(key, number);
    // What no int can hold is out of every member's range too, which the dispatcher's rule tells.
    into = static_cast<int>(std::clamp<std::int64_t>(number, Limits::min(), Limits::max()));
}

void read_seconds(MemberReader& in, std::string_view key, std::chrono::seconds& into) {
    std::int64_t number = into.count();
    in.whole(key, number);
    into = std::chrono::seconds(number);
}

Result<> read_schedule(const json::value& value, std::vector<std::chrono::seconds>& into) {
    const json::array* steps = value.if_array();
    if (steps == nullptr)
        return invalid_argument("retry.schedule_s", "an array of whole seconds is expected");
    into.clear();
    for (const json::value& step : *steps) {
        if (!step.is_int64())
            return invalid_argument("retry.schedule_s", "an array of whole seconds is expected");
        into.emplace_back(step.get_int64());
    }
    return {};
}

Result<> read_reject(const json::value& value, std::vector<std::string>& into) {
    const json::array* rules = value.if_array();
    if (rules == nullptr) return invalid_argument("retry.reject", "an array is expected");
    into.clear();
    for (const json::value& rule : *rules) {
        if (rule.is_int64()) {
            into.push_back(std::to_string(rule.get_int64()));
        } else if (rule.is_string()) {
            into.emplace_back(rule.get_string());
        } else {
            return invalid_argument("retry.reject", "each is \"4xx\" or a status");
        }
    }
    return {};
}

Result<> read_retry_object(const json::object& object, RetrySettings& into) {
    MemberReader in(object, "retry.");
    std::optional<std::int64_t> max_age;
    if (into.max_age) max_age = into.max_age->count();
    in.other("schedule_s",
             [&](const json::value& value) { return read_schedule(value, into.schedule); });
    in.optional_whole("max_age_s", max_age);
    in.other("reject", [&](const json::value& value) { return read_reject(value, into.reject); });
    read_int(in, "jitter_percent", into.jitter_percent);
    into.max_age.reset();
    if (max_age) into.max_age = std::chrono::seconds(*max_age);
    return in.finish();
}

Result<> read_retry(const json::value& value, RetrySettings& into) {
    if (value.is_object()) return read_retry_object(value.get_object(), into);
    if (!value.is_string())
        return invalid_argument("retry", "an object is expected, or a string such as \"default\"");
    auto parsed = dispatcher::parse_retry(std::string_view(value.get_string()));
    if (!parsed) return parsed.error();
    into = std::move(*parsed);
    return {};
}

Result<> read_breaker_object(const json::object& object, BreakerSettings& into) {
    MemberReader in(object, "breaker.");
    in.flag("enabled", into.enabled);
    read_int(in, "failure_percent", into.failure_percent);
    read_int(in, "min_attempts", into.min_attempts);
    read_seconds(in, "window_s", into.window);
    read_seconds(in, "open_s", into.open_for);
    read_seconds(in, "max_open_s", into.open_for_at_most);
    return in.finish();
}

Result<> read_breaker(const json::value& value, BreakerSettings& into) {
    if (value.is_object()) return read_breaker_object(value.get_object(), into);
    if (!value.is_string())
        return invalid_argument("breaker",
                                "an object is expected, or a string such as \"default\"");
    const auto parsed = dispatcher::parse_breaker(std::string_view(value.get_string()));
    if (!parsed) return parsed.error();
    into = *parsed;
    return {};
}

Result<> read_success(const json::value& value, std::optional<storage::SuccessField>& into) {
    if (value.is_null()) {
        into.reset();
        return {};
    }
    if (!value.is_object())
        return invalid_argument("success", "an object {pointer, value} or null is expected");
    storage::SuccessField success;
    MemberReader in(value.get_object(), "success.");
    in.text("pointer", success.pointer);
    in.text("value", success.value);
    if (auto done = in.finish(); !done) return done;
    if (!in.has("pointer") || !in.has("value"))
        return invalid_argument("success", "pointer and value are required");
    if (auto pointer = core::parse_json_pointer(success.pointer); !pointer) {
        return invalid_argument("success.pointer", pointer.error().message);
    }
    into = std::move(success);
    return {};
}

void read_request_shape(MemberReader& in, NotificationRecord& record) {
    in.text("method", record.method);
    in.text("url", record.url);
    in.fields("headers", record.headers);
    in.other("header_encoding", [&](const json::value& value) -> Result<> {
        const auto encoding =
            value.is_string() ? storage::parse_header_encoding(value.get_string()) : std::nullopt;
        if (!encoding) return invalid_argument("header_encoding", "ascii, utf-8 or percent");
        record.header_encoding = *encoding;
        return {};
    });
    in.fields("parameters", record.parameters);
    in.secret_fields("secret_headers", record.secret_headers);
    in.secret_fields("secret_parameters", record.secret_parameters);
    in.text("content_type", record.content_type);
    in.optional_text("body_template", record.body_template);
    in.secret("signing_secret", record.signing_secret);
}

Result<> read_limits(MemberReader& in, NotificationRecord& record) {
    std::int64_t timeout_ms = record.timeout.count();
    std::int64_t max_in_flight = record.max_in_flight;
    in.whole("timeout_ms", timeout_ms);
    in.whole("max_in_flight", max_in_flight);
    in.optional_number("rate_per_s", record.rate_per_s);
    record.timeout = std::chrono::milliseconds(timeout_ms);
    if (max_in_flight < 0 || max_in_flight > std::numeric_limits<int>::max()) {
        return invalid_argument(in.field("max_in_flight"), "1 to 20000");
    }
    record.max_in_flight = static_cast<int>(max_in_flight);
    return {};
}

}  // namespace

Result<> patch_notification(PatchKind kind, const json::object& request,
                            const std::optional<core::ProviderId>& provider,
                            NotificationRecord& record) {
    MemberReader in(request);
    in.read_only({"id", "created_at", "updated_at"});
    if (kind == PatchKind::kAdd) in.text("name", record.name);
    if (kind != PatchKind::kAdd) in.read_only({"name"});
    in.flag("enabled", record.enabled);
    in.flag("paused", record.paused);
    in.texts("events", record.events);
    read_request_shape(in, record);
    in.other("auth",
             [&](const json::value& value) { return patch_auth(value, provider, record.auth); });
    in.other("retry", [&](const json::value& value) { return read_retry(value, record.retry); });
    in.other("breaker",
             [&](const json::value& value) { return read_breaker(value, record.breaker); });
    in.optional_text("order_by", record.order_by);
    in.other("success",
             [&](const json::value& value) { return read_success(value, record.success); });
    if (auto limits = read_limits(in, record); !limits) return limits;
    return in.finish();
}

}  // namespace herald::api
