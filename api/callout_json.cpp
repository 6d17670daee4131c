#include <boost/json/serialize.hpp>

#include "api/json_text.h"
#include "api/json_view.h"

namespace herald::api {

namespace json = boost::json;

json::object attempt_json(const storage::AttemptRecord& attempt, const core::Clock& clock) {
    json::object out;
    out["number"] = attempt.number;
    out["resend"] = attempt.resend;
    out["started_at"] = time_json(attempt.started_at, clock);
    out["duration_ms"] = attempt.duration.count();
    out["status"] = or_null(attempt.status);
    out["outcome"] = storage::to_string(attempt.outcome);
    out["error"] = text_or_null(attempt.error);
    out["token_generation"] = or_null(attempt.token_generation);
    out["track_id"] = text_or_null(attempt.track_id);
    out["response_excerpt"] = shown(attempt.response_excerpt);
    return out;
}

json::object callout_json(const storage::CalloutRecord& record,
                          const std::vector<storage::AttemptRecord>& attempts,
                          const core::Clock& clock) {
    json::array history;
    for (const storage::AttemptRecord& attempt : attempts)
        history.push_back(attempt_json(attempt, clock));
    json::object out;
    out["id"] = record.id.text();
    out["event_id"] = record.event.text();
    out["notification"] = record.notification_name;
    out["provider"] = text_or_null(record.provider_name);
    out["state"] = storage::to_string(record.state);
    out["reason"] = text_or_null(record.reason);
    out["created_at"] = time_json(record.created_at, clock);
    out["due_at"] = time_json(record.due_at, clock);
    out["claimed_at"] = time_json(record.claimed_at, clock);
    out["finished_at"] = time_json(record.finished_at, clock);
    out["crashes"] = record.crashes;
    out["attempts"] = std::move(history);
    return out;
}

std::string event_json(const storage::EventRecord& event, const json::array& callouts,
                       const json::array& unmatched, const core::Clock& clock) {
    json::object head;
    head["id"] = event.id.text();
    head["type"] = event.type;
    head["key"] = text_or_null(event.key);
    head["occurred_at"] = time_json(event.occurred_at);
    head["received_at"] = time_json(event.received_at, clock);
    std::string text = json::serialize(head);
    text.pop_back();
    text.append(",\"data\":").append(event.data);
    text.append(",\"callouts\":").append(json::serialize(callouts));
    text.append(",\"unmatched\":").append(json::serialize(unmatched)).append("}");
    return text;
}

}  // namespace herald::api
