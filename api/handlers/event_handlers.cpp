#include <algorithm>

#include "api/call.h"
#include "api/handlers/callout_steps.h"
#include "api/handlers/event_lines.h"
#include "api/json_view.h"
#include "api/problem.h"
#include "core/await.h"
#include "core/encoding.h"
#include "dispatcher/event_pattern.h"

namespace herald::api {
namespace {

using core::Result;
using storage::NotificationRecord;

constexpr std::size_t kMaxKeyBytes = 255;

bool is_printable_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

// The header stands for the member `key` (E-20).
Result<> take_key_header(const Call& call, dispatcher::EventInput& input) {
    const auto found = call.request.headers.find("idempotency-key");
    if (found == call.request.headers.end()) return {};
    const std::string& key = found->second;
    if (key.empty() || key.size() > kMaxKeyBytes || !is_printable_ascii(key)) {
        return malformed_request("Idempotency-Key: 1 to 255 visible ASCII characters");
    }
    if (input.key && *input.key != key) {
        return malformed_request(
            "the Idempotency-Key header and the member \"key\" differ; give one of them");
    }
    input.key = key;
    return {};
}

boost::json::object accepted_json(const dispatcher::AcceptedEvent& accepted) {
    boost::json::array callouts;
    for (const dispatcher::AcceptedCallout& callout : accepted.callouts) {
        callouts.push_back(
            boost::json::object{{"id", callout.id.text()}, {"notification", callout.notification}});
    }
    boost::json::object out;
    out["id"] = accepted.id.text();
    out["duplicate"] = accepted.duplicate;
    out["callouts"] = std::move(callouts);
    return out;
}

Answering fire_one(CallPtr call) {
    auto input = read_event(call->request.body);
    if (!input) co_return input.error();
    if (auto key = take_key_header(*call, *input); !key) co_return key.error();
    auto submitting = core::await_done<dispatcher::AcceptedEvent>(
        [call, event = std::move(*input)](core::Done<dispatcher::AcceptedEvent> done) mutable {
            call->services.intake.submit(std::move(event), std::move(done));
        });
    const Result<dispatcher::AcceptedEvent> accepted = co_await std::move(submitting);
    if (!accepted) co_return accepted.error();
    co_return json_response(202, accepted_json(*accepted));
}

Answering fire_lines(CallPtr call) {
    if (call->request.headers.contains("idempotency-key")) {
        co_return malformed_request(
            "Idempotency-Key stands for one event; give each line a \"key\" of its own");
    }
    auto submitting = submit_lines(call->services.intake, call->request.body);
    const auto summary = co_await std::move(submitting);
    if (!summary) co_return summary.error();
    co_return json_response(202, *summary);
}

Answering fire(CallPtr call) {
    std::string type = core::to_lower(call->header("content-type"));
    type = std::string(core::trim(type.substr(0, type.find(';'))));
    return type == "application/x-ndjson" ? fire_lines(std::move(call)) : fire_one(std::move(call));
}

// Empty where the notification would match this event today as well as then.
std::string why_not(const NotificationRecord& notification, const storage::EventRecord& event) {
    const bool fits = std::any_of(
        notification.events.begin(), notification.events.end(),
        [&](const std::string& pattern) { return dispatcher::matches(pattern, event.type); });
    if (!fits) {
        std::string why = "no pattern matches '" + event.type + "': ";
        for (std::size_t i = 0; i < notification.events.size(); ++i) {
            why.append(i == 0 ? "" : ", ").append(notification.events[i]);
        }
        return why;
    }
    if (notification.created_at > event.received_at) return "created after the event";
    if (!notification.enabled) return "disabled";
    return "matches now, did not when the event came in";
}

Result<boost::json::array> unmatched_json(storage::ConfigurationStore& store,
                                          const storage::EventRecord& event,
                                          const std::vector<storage::CalloutRecord>& callouts) {
    const auto notifications = store.notifications();
    if (!notifications) return notifications.error();
    boost::json::array out;
    for (const NotificationRecord& notification : *notifications) {
        const bool matched = std::any_of(callouts.begin(), callouts.end(),
                                         [&](const storage::CalloutRecord& callout) {
                                             return callout.notification == notification.id;
                                         });
        if (matched) continue;
        out.push_back(boost::json::object{{"notification", notification.name},
                                          {"why", why_not(notification, event)}});
    }
    return out;
}

Result<ApiResponse> show(const Call& call) {
    const auto id = core::EventId::parse(call.param("id"));
    if (!id) return core::not_found("event", call.param("id"));
    const auto event = call.services.store.event(*id);
    if (!event) return event.error();
    const auto callouts = call.services.store.callouts_of(*id);
    if (!callouts) return callouts.error();
    const auto reasons = HoldReasons::read(call.services);
    if (!reasons) return reasons.error();
    boost::json::array shown;
    for (const storage::CalloutRecord& callout : *callouts)
        shown.push_back(callout_summary(callout, *reasons));
    const auto unmatched = unmatched_json(call.services.store, *event, *callouts);
    if (!unmatched) return unmatched.error();
    ApiResponse response;
    response.body = event_json(*event, shown, *unmatched, call.services.clock);
    return response;
}

}  // namespace

std::vector<Route> event_routes() {
    return {
        {"POST", "/v1/events", fire, Audit::kDebug, Work::kIntake},
        {"GET", "/v1/events/{id}", show},
    };
}

}  // namespace herald::api
