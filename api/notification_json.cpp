#include "api/json_text.h"
#include "api/json_view.h"

namespace herald::api {
namespace {

namespace json = boost::json;

struct AuthView {
    json::object operator()(const storage::NoAuth&) const { return {{"kind", "none"}}; }
    json::object operator()(const storage::BasicAuth& auth) const {
        return {{"kind", "basic"}, {"username", shown(auth.username)}, {"password", "set"}};
    }
    json::object operator()(const storage::HeaderAuth& auth) const {
        return {{"kind", "header"}, {"name", auth.name}, {"value", "set"}};
    }
    json::object operator()(const storage::OauthAuth& auth) const {
        return {{"kind", "oauth2"},
                {"provider", auth.provider_name},
                {"entity", text_or_null(auth.entity)}};
    }
    json::object operator()(const storage::KeyPairAuth& auth) const {
        json::object out{{"kind", "key_pair"}};
        add_key_pair(out, auth.key);
        out["entity_id"] = text_or_null(auth.entity_id);
        out["entity_name"] = text_or_null(auth.entity_name);
        return out;
    }
    json::object operator()(const storage::SessionCookieAuth& auth) const {
        json::object out{{"kind", "session_cookie"},
                         {"login_url", auth.login_url},
                         {"session_timeout_s", auth.session_timeout.count()}};
        add_key_pair(out, auth.key);
        return out;
    }
    json::object operator()(const storage::SingleUseTokenAuth& auth) const {
        json::object out{{"kind", "single_use_token"},
                         {"signature_url", auth.signature_url},
                         {"method", auth.method},
                         {"body_template", text_or_null(auth.body_template)},
                         {"token_pointer", auth.token_pointer},
                         {"signature_pointer", auth.signature_pointer},
                         {"token_header", auth.token_header},
                         {"signature_header", auth.signature_header}};
        add_key_pair(out, auth.key);
        return out;
    }

    static void add_key_pair(json::object& out, const storage::KeyPair& key) {
        out["id_header"] = key.id_header;
        out["secret_header"] = key.secret_header;
        out["key_id"] = "set";
        out["key_secret"] = "set";
    }
};

json::object retry_json(const storage::RetrySettings& retry) {
    json::array schedule;
    for (const std::chrono::seconds step : retry.schedule) schedule.emplace_back(step.count());
    json::array reject;
    for (const std::string& rule : retry.reject) reject.emplace_back(rule);
    json::object out;
    out["schedule_s"] = std::move(schedule);
    out["max_age_s"] = nullptr;
    if (retry.max_age) out["max_age_s"] = retry.max_age->count();
    out["reject"] = std::move(reject);
    out["jitter_percent"] = retry.jitter_percent;
    return out;
}

json::object breaker_json(const storage::BreakerSettings& breaker) {
    json::object out;
    out["enabled"] = breaker.enabled;
    out["failure_percent"] = breaker.failure_percent;
    out["min_attempts"] = breaker.min_attempts;
    out["window_s"] = breaker.window.count();
    out["open_s"] = breaker.open_for.count();
    out["max_open_s"] = breaker.open_for_at_most.count();
    return out;
}

json::value rate_json(const std::optional<double>& rate) {
    if (!rate) return nullptr;
    const auto whole = static_cast<std::int64_t>(*rate);
    if (static_cast<double>(whole) == *rate) return whole;
    return *rate;
}

json::value success_json(const std::optional<storage::SuccessField>& success) {
    if (!success) return nullptr;
    return json::object{{"pointer", success->pointer}, {"value", success->value}};
}

}  // namespace

json::object notification_json(const storage::NotificationRecord& record,
                               const core::Clock& clock) {
    json::array events;
    for (const std::string& pattern : record.events) events.emplace_back(pattern);
    json::object out;
    out["id"] = record.id.text();
    out["name"] = record.name;
    out["enabled"] = record.enabled;
    out["paused"] = record.paused;
    out["events"] = std::move(events);
    out["method"] = record.method;
    out["url"] = record.url;
    out["headers"] = fields_json(record.headers);
    out["header_encoding"] = storage::to_string(record.header_encoding);
    out["parameters"] = fields_json(record.parameters);
    out["secret_headers"] = secret_fields_json(record.secret_headers);
    out["secret_parameters"] = secret_fields_json(record.secret_parameters);
    out["content_type"] = record.content_type;
    out["body_template"] = text_or_null(record.body_template);
    out["auth"] = std::visit(AuthView{}, record.auth);
    out["signing_secret"] = nullptr;
    if (record.signing_secret) out["signing_secret"] = "set";
    json::array unreadable;
    for (const std::string& column : record.unreadable_secrets) unreadable.emplace_back(column);
    out["unreadable_secrets"] = std::move(unreadable);
    out["timeout_ms"] = record.timeout.count();
    out["retry"] = retry_json(record.retry);
    out["max_in_flight"] = record.max_in_flight;
    out["rate_per_s"] = rate_json(record.rate_per_s);
    out["breaker"] = breaker_json(record.breaker);
    out["order_by"] = text_or_null(record.order_by);
    out["success"] = success_json(record.success);
    out["created_at"] = time_json(record.created_at, clock);
    out["updated_at"] = time_json(record.updated_at, clock);
    return out;
}

}  // namespace herald::api
