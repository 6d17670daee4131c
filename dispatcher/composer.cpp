#include "dispatcher/composer.h"

#include <algorithm>
#include <chrono>
#include <variant>

#include "core/encoding.h"
#include "core/time_text.h"
#include "dispatcher/authorizer.h"
#include "herald_version.h"

namespace herald::dispatcher {
namespace {

MergeContext body_context(std::string_view content_type) {
    const std::string media_type =
        core::to_lower(core::trim(content_type.substr(0, content_type.find(';'))));
    if (media_type == "application/json" || media_type.ends_with("+json"))
        return MergeContext::kJson;
    if (media_type == "application/x-www-form-urlencoded") return MergeContext::kForm;
    return MergeContext::kText;
}

// A path alone leads to the base that the provider's token names.
bool is_relative(const storage::NotificationRecord& record) {
    return record.url.starts_with('/') && !record.url.starts_with("//") &&
           std::holds_alternative<storage::OauthAuth>(record.auth);
}

core::Result<> compile_url(CompiledNotification& compiled) {
    std::string text = compiled.record.url;
    if (is_relative(compiled.record)) text = "https://" + std::string(http::kRelativeHost) + text;
    auto url = MergeTemplate::compile(text, MergeContext::kUrl, "url");
    if (!url) return url.error();
    auto parsed = http::Url::parse(url->sample(), "url");
    if (!parsed) return parsed.error();
    if (!url->has_fields()) compiled.fixed_url = std::move(*parsed);
    compiled.url = std::move(*url);
    return {};
}

core::Result<> compile_parameters(CompiledNotification& compiled) {
    for (const auto& [name, value] : compiled.record.parameters) {
        auto parameter = MergeTemplate::compile(value, MergeContext::kQuery, "parameters." + name);
        if (!parameter) return parameter.error();
        compiled.parameters.emplace_back(core::percent_encode(name), std::move(*parameter));
    }
    return {};
}

MergeContext header_context(storage::HeaderEncoding encoding) {
    switch (encoding) {
        case storage::HeaderEncoding::kAscii:
            return MergeContext::kHeader;
        case storage::HeaderEncoding::kUtf8:
            return MergeContext::kHeaderUtf8;
        case storage::HeaderEncoding::kPercent:
            return MergeContext::kHeaderPercent;
    }
    return MergeContext::kHeader;
}

core::Result<> compile_headers(CompiledNotification& compiled) {
    const MergeContext context = header_context(compiled.record.header_encoding);
    for (const auto& [name, value] : compiled.record.headers) {
        auto header = MergeTemplate::compile(value, context, "headers." + name);
        if (!header) return header.error();
        if (core::equals_ignoring_case(name, "User-Agent")) compiled.sets_user_agent = true;
        compiled.headers.emplace_back(name, std::move(*header));
    }
    return {};
}

core::Result<> compile_body(CompiledNotification& compiled) {
    const auto& text = compiled.record.body_template;
    if (!text) return {};
    auto body =
        MergeTemplate::compile(*text, body_context(compiled.record.content_type), "body_template");
    if (!body) return body.error();
    compiled.body = std::move(*body);
    return {};
}

core::Result<> compile_login(CompiledNotification& compiled) {
    const auto* session = std::get_if<storage::SessionCookieAuth>(&compiled.record.auth);
    if (session == nullptr) return {};
    auto url = http::Url::parse(session->login_url, "auth.login_url");
    if (!url) return url.error();
    compiled.credentials = CredentialResource{.url = std::move(*url)};
    return {};
}

core::Result<> compile_signature_resource(CompiledNotification& compiled) {
    const auto* single = std::get_if<storage::SingleUseTokenAuth>(&compiled.record.auth);
    if (single == nullptr) return {};
    auto url = http::Url::parse(single->signature_url, "auth.signature_url");
    if (!url) return url.error();
    compiled.credentials = CredentialResource{.url = std::move(*url)};
    if (!single->body_template) return {};
    auto body =
        MergeTemplate::compile(*single->body_template, MergeContext::kJson, "auth.body_template");
    if (!body) return body.error();
    compiled.credentials->body = std::move(*body);
    return {};
}

core::Result<> decode_key(CompiledNotification& compiled) {
    if (!compiled.record.signing_secret) return {};
    auto key = decode_signing_secret(*compiled.record.signing_secret);
    if (!key) return key.error();
    compiled.signing_key = std::move(*key);
    return {};
}

core::Result<> compile_order(CompiledNotification& compiled) {
    const auto& path = compiled.record.order_by;
    if (!path) return {};
    const auto parsed = parse_template("{{ " + *path + " }}", MergeContext::kText, "order_by");
    // By its name: what closes the field and goes on, or has a default, is more than a path.
    const bool one_field = parsed && parsed->parts.front().name == *path &&
                           parsed->parts.front().root == MergeRoot::kData &&
                           !parsed->parts.front().path.empty();
    if (!one_field) {
        return core::invalid_argument(
            "order_by", "it is the path of one field of the event's data, such as data.account.id");
    }
    compiled.order_path = parsed->parts.front().path;
    return {};
}

core::Result<http::Url> request_url(const CompiledNotification& notification,
                                    const storage::EventRecord& event,
                                    std::vector<std::string>* warnings) {
    if (notification.fixed_url) return *notification.fixed_url;
    const auto text = notification.url.render(event, warnings);
    if (!text) return text.error();
    return http::Url::parse(*text, "url");
}

core::Result<> append_parameters(std::string& target, const CompiledNotification& notification,
                                 const storage::EventRecord& event,
                                 std::vector<std::string>* warnings) {
    for (const auto& [name, value] : notification.parameters) {
        const auto rendered = value.render(event, warnings);
        if (!rendered) return rendered.error();
        target.push_back(target.find('?') == std::string::npos ? '?' : '&');
        target.append(name).append("=").append(*rendered);
    }
    for (const auto& [name, value] : notification.record.secret_parameters) {
        target.push_back(target.find('?') == std::string::npos ? '?' : '&');
        target.append(core::percent_encode(name)).append("=");
        target.append(core::percent_encode(value.reveal()));
    }
    return {};
}

bool has_body(const CompiledNotification& notification) {
    const std::string& method = notification.record.method;
    return notification.body || (method != "GET" && method != "DELETE");
}

core::Result<std::string> request_body(const CompiledNotification& notification,
                                       const storage::EventRecord& event,
                                       std::vector<std::string>* warnings) {
    if (notification.body) return notification.body->render(event, warnings);
    if (!has_body(notification)) return std::string();
    return default_body(event);
}

void add_own_headers(http::Request& request, const CompiledNotification& notification,
                     core::CalloutId callout, int attempt, core::SystemTime now) {
    const auto since_epoch =
        std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    std::string id = callout.text();
    std::string timestamp = std::to_string(since_epoch);
    if (notification.signing_key) {
        request.headers.add("webhook-signature",
                            sign(*notification.signing_key, id, timestamp, request.body));
    }
    request.headers.add("webhook-id", std::move(id));
    request.headers.add("webhook-timestamp", std::move(timestamp));
    request.headers.add("Herald-Attempt", std::to_string(attempt));
    request.headers.add("Accept-Encoding", "identity");
    if (!notification.sets_user_agent) request.headers.add("User-Agent", "herald/" HERALD_VERSION);
    if (has_body(notification))
        request.headers.add("Content-Type", notification.record.content_type);
}

core::Result<> add_user_headers(http::Request& request, const CompiledNotification& notification,
                                const storage::EventRecord& event,
                                std::vector<std::string>* warnings) {
    for (const auto& [name, value] : notification.headers) {
        auto rendered = value.render(event, warnings);
        if (!rendered) return rendered.error();
        // White space at the ends is no part of a header's value (RFC 9110 section 5.5).
        std::string text(core::trim(*rendered));
        if (auto valid = http::validate_sent_header(name, text); !valid) return valid.error();
        request.headers.add(name, std::move(text));
    }
    for (const auto& [name, value] : notification.record.secret_headers)
        request.headers.add(name, std::string(value.reveal()));
    return {};
}

// What the caller of an API may not give, an event cannot either.
core::Error rejected(core::Error error) {
    if (error.code == "invalid_argument") error.code = "rejected_request";
    return error;
}

}  // namespace

core::Result<CompiledNotificationPtr> compile(storage::NotificationRecord record) {
    auto compiled = std::make_shared<CompiledNotification>();
    compiled->carries_credentials = carries_credentials(record);
    compiled->masking = credentials_of(record);
    compiled->record = std::move(record);
    for (const auto step : {compile_url, compile_parameters, compile_headers, compile_body,
                            compile_order, compile_login, compile_signature_resource, decode_key}) {
        if (auto done = step(*compiled); !done) return done.error();
    }
    return CompiledNotificationPtr(std::move(compiled));
}

bool carries_credentials(const storage::NotificationRecord& record) {
    const auto is_authorization = [](const auto& header) {
        return core::equals_ignoring_case(header.first, "Authorization");
    };
    return !std::holds_alternative<storage::NoAuth>(record.auth) ||
           !record.secret_headers.empty() || !record.secret_parameters.empty() ||
           std::any_of(record.headers.begin(), record.headers.end(), is_authorization);
}

core::Result<http::Request> compose(const CompiledNotification& notification,
                                    const storage::EventRecord& event, core::CalloutId callout,
                                    int attempt, core::SystemTime now,
                                    std::vector<std::string>* warnings) {
    http::Request request;
    request.method = notification.record.method;
    request.carries_credentials = notification.carries_credentials;
    auto url = request_url(notification, event, warnings);
    if (!url) return rejected(url.error());
    request.url = std::move(*url);
    auto appended = append_parameters(request.url.target, notification, event, warnings);
    if (!appended) return appended.error();
    auto body = request_body(notification, event, warnings);
    if (!body) return body.error();
    request.body = std::move(*body);
    add_own_headers(request, notification, callout, attempt, now);
    auto added = add_user_headers(request, notification, event, warnings);
    if (!added) return rejected(added.error());
    return request;
}

std::string default_body(const storage::EventRecord& event) {
    std::string body;
    body.reserve(event.data.size() + event.type.size() + 128);
    body.append(R"({"id":")").append(event.id.text());
    body.append(R"(","type":")").append(event.type);
    body.append(R"(","occurred_at":")").append(core::format_time(event.occurred_at));
    body.append(R"(","data":)").append(event.data).append("}");
    return body;
}

}  // namespace herald::dispatcher
