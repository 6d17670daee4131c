#include "api/call.h"
#include "api/json_text.h"
#include "api/json_view.h"
#include "api/member_reader.h"
#include "api/trial_thread.h"
#include "core/await.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/masking.h"
#include "dispatcher/composer.h"
#include "dispatcher/event_pattern.h"
#include "dispatcher/key_pair.h"
#include "providers/settings.h"

// `preview` shows the request a callout would make; `test` makes one, now, and stores nothing.
namespace herald::api {
namespace {

using core::Result;
using storage::NotificationRecord;

using core::kMask;

// `invoice.*` stands for any type below it; a sample needs one.
std::string sample_type(const NotificationRecord& record) {
    std::string type = record.events.empty() ? "*" : record.events.front();
    if (type.ends_with('*')) type.replace(type.size() - 1, 1, "example");
    return type;
}

struct Trial {
    dispatcher::CompiledNotificationPtr notification;
    storage::EventPtr event;
    core::CalloutId callout;
};

Result<storage::EventPtr> sample_event(const Call& call, const NotificationRecord& record) {
    const auto request = optional_body_object(call);
    if (!request) return request.error();
    const core::StoredTime now = call.services.clock.stored_now();
    auto event = std::make_shared<storage::EventRecord>();
    event->id = core::EventId::generate(now, call.services.random);
    event->type = sample_type(record);
    event->data = "null";
    event->occurred_at = call.services.clock.on_the_wall(now);
    event->received_at = now;
    MemberReader in(*request);
    in.text("type", event->type);
    in.other("data", [&](const boost::json::value&) -> Result<> {
        const auto data = core::raw_at(call.request.body, {"data"});
        if (data) event->data = std::string(*data);
        return {};
    });
    if (auto done = in.finish(); !done) return done.error();
    if (auto ok = dispatcher::validate_event_type(event->type); !ok) return ok.error();
    return storage::EventPtr(std::move(event));
}

core::Error unreadable(const storage::NotificationRecord& record) {
    return {.kind = core::ErrorKind::kConflict,
            .code = "credential_unreadable",
            .message = "the " + record.unreadable_secrets.front() + " of notification '" +
                       record.name +
                       "' does not open with the key ring: it is damaged, or restored from "
                       "elsewhere; give it again with `herald notification edit " +
                       record.name + "`"};
}

// Sealed values as they are shown.
void mask_sealed(NotificationRecord& record) {
    for (storage::SecretFields* fields : {&record.secret_headers, &record.secret_parameters}) {
        for (auto& [name, value] : *fields) value = core::Secret(kMask);
    }
}

enum class Purpose { kShow, kSend };

Result<Trial> prepare(const Call& call, Purpose purpose) {
    auto record = call.services.store.notification(call.param("name"));
    if (!record) return record.error();
    if (purpose == Purpose::kShow) mask_sealed(*record);
    auto event = sample_event(call, *record);
    if (!event) return event.error();
    if (!record->unreadable_secrets.empty()) return unreadable(*record);
    auto compiled = dispatcher::compile(std::move(*record));
    if (!compiled) return compiled.error();
    const core::StoredTime now = call.services.clock.stored_now();
    return Trial{std::move(*compiled), std::move(*event),
                 core::CalloutId::generate(now, call.services.random)};
}

// What an authentication would add, its secrets masked.
struct MaskedAuthorization {
    const Services& services;
    http::Request& request;
    http::Headers& headers = request.headers;
    void operator()(const storage::NoAuth&) const {}
    void operator()(const storage::BasicAuth&) const {
        headers.set("Authorization", "Basic " + std::string(kMask));
    }
    void operator()(const storage::HeaderAuth& auth) const {
        headers.set(auth.name, std::string(kMask));
    }
    // As the provider's settings place it.
    void operator()(const storage::OauthAuth& oauth) const {
        const auto provider = services.store.provider(oauth.provider_name);
        const auto settings =
            provider ? providers::ProviderSettings::of(*provider) : provider.error();
        if (!settings) return;
        const providers::Placement& placement = settings->placement;
        const std::string prefix =
            settings->dpop && placement.prefix == "Bearer " ? "DPoP " : placement.prefix;
        if (placement.query_parameter.empty()) {
            headers.set(placement.header, prefix + std::string(kMask));
        } else {
            request.url.target += request.url.target.find('?') == std::string::npos ? "?" : "&";
            request.url.target += placement.query_parameter + "=" + std::string(kMask);
        }
        for (const auto& [name, value] : placement.headers) headers.set(name, value);
        for (const auto& [name, value] : provider->secret_callout_headers)
            headers.set(name, std::string(kMask));
        if (oauth.entity && !placement.entity_header.empty())
            headers.set(placement.entity_header, *oauth.entity);
        if (settings->dpop) headers.set("DPoP", std::string(kMask));
    }
    void operator()(const storage::KeyPairAuth& auth) const {
        dispatcher::authorize_with(request, auth);
        headers.set(auth.key.id_header, std::string(kMask));
        headers.set(auth.key.secret_header, std::string(kMask));
    }
    void operator()(const storage::SessionCookieAuth&) const {
        headers.set("Cookie", std::string(kMask));
    }
    void operator()(const storage::SingleUseTokenAuth& auth) const {
        headers.set(auth.token_header, std::string(kMask));
        headers.set(auth.signature_header, std::string(kMask));
    }
};

// The body for the signature resource is no part of the request shown; what it lacks is told.
Result<> check_credential_body(const Trial& trial, std::vector<std::string>& warnings) {
    const auto& resource = trial.notification->credentials;
    if (!resource || !resource->body) return {};
    const auto rendered = resource->body->render(*trial.event, &warnings);
    if (!rendered) return rendered.error();
    return {};
}

boost::json::value headers_json(const http::Headers& headers) {
    storage::Fields fields;
    for (const auto& [name, value] : headers) fields.emplace_back(name, value);
    return fields_json(fields);
}

Result<ApiResponse> preview(const Call& call) {
    const auto trial = prepare(call, Purpose::kShow);
    if (!trial) return trial.error();
    std::vector<std::string> warnings;
    const core::SystemTime now = call.services.clock.system_now();
    auto composed =
        dispatcher::compose(*trial->notification, *trial->event, trial->callout, 1, now, &warnings);
    if (!composed) return composed.error();
    std::visit(MaskedAuthorization{call.services, *composed}, trial->notification->record.auth);
    if (auto checked = check_credential_body(*trial, warnings); !checked) return checked.error();
    boost::json::array told;
    for (const std::string& warning : warnings) told.emplace_back(shown(warning));
    boost::json::object out;
    out["method"] = composed->method;
    out["url"] = composed->url.text();
    out["headers"] = headers_json(composed->headers);
    out["body"] = shown(composed->body);
    out["warnings"] = std::move(told);
    return json_response(200, out);
}

std::string_view code_of_class(std::string_view error_class) {
    if (error_class == "oauth") return "oauth_error";
    if (error_class == "malformed") return "malformed_token_response";
    if (error_class == "blocked_address") return "blocked_address";
    return "token_endpoint_unreachable";
}

// Why the provider gives no token, as its last token request told it.
core::Error no_token_error(const Services& services, const NotificationRecord& notification) {
    const auto* auth = std::get_if<storage::OauthAuth>(&notification.auth);
    const std::string name = auth == nullptr ? std::string() : auth->provider_name;
    core::Error error{.kind = core::ErrorKind::kUnauthorized, .code = "no_token", .message = {}};
    error.message = "send a test callout of notification '" + notification.name + "': provider '" +
                    name + "' gives no token; see herald provider show " + name;
    error.details["provider"] = name;
    const auto provider = services.store.provider(name);
    if (!provider || !provider->last_error) return error;
    const storage::ProviderError& last = *provider->last_error;
    error.code = code_of_class(last.error_class);
    error.message += ": " + shown(last.code) + " " + shown(last.description);
    error.details["error"] = shown(last.code);
    error.details["error_description"] = shown(last.description);
    error.details["status"] = or_null(last.status);
    return error;
}

// No request left: the notification itself makes none for this event.
core::Error nothing_sent(const NotificationRecord& notification,
                         const dispatcher::AttemptResult& result) {
    const std::string reason = result.update.reason.value_or("no request was sent");
    std::string code = reason.substr(0, reason.find(':'));
    if (!core::is_error_code(code)) code = "internal_error";
    core::Error error{.kind = core::ErrorKind::kPermanent, .code = std::move(code), .message = {}};
    error.message = "send a test callout of notification '" + notification.name +
                    "': " + result.why.value_or(reason);
    error.details["reason"] = reason;
    return error;
}

Answering test(CallPtr call) {
    const auto trial = prepare(*call, Purpose::kSend);
    if (!trial) co_return trial.error();
    auto sending = core::await_done<dispatcher::AttemptResult>(
        [call, prepared = *trial](core::Done<dispatcher::AttemptResult> done) {
            call->trials.send(call->services, prepared.notification,
                              {.id = prepared.callout, .event = prepared.event}, std::move(done));
        });
    const Result<dispatcher::AttemptResult> result = co_await std::move(sending);
    if (!result) co_return result.error();
    const NotificationRecord& notification = trial->notification->record;
    if (result->auth_error) co_return *result->auth_error;
    if (result->parked) co_return no_token_error(call->services, notification);
    if (result->attempts.empty()) co_return nothing_sent(notification, *result);
    co_return json_response(200, attempt_json(result->attempts.back(), call->services.clock));
}

}  // namespace

std::vector<Route> notification_trial_routes() {
    return {
        {"POST", "/v1/notifications/{name}/preview", preview},
        {"POST", "/v1/notifications/{name}/test", test, Audit::kInformation},
    };
}

}  // namespace herald::api
