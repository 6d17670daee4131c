#include "dispatcher/notification_rules.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <variant>

#include "core/encoding.h"
#include "core/json.h"
#include "core/text_rules.h"
#include "dispatcher/auth_rules.h"
#include "dispatcher/breaker_settings.h"
#include "dispatcher/composer.h"
#include "dispatcher/event_pattern.h"
#include "dispatcher/retry_policy.h"

namespace herald::dispatcher {
namespace {

using std::chrono::milliseconds;
using storage::NotificationRecord;

constexpr std::size_t kMaxFields = 64;
constexpr std::size_t kMaxPatterns = 64;
constexpr std::size_t kMaxTemplate = 256 * 1024;
constexpr std::size_t kMaxUrl = 8 * 1024;
constexpr std::size_t kMaxFieldText = 8 * 1024;
constexpr std::size_t kMaxOrderPath = 256;
constexpr std::array<std::string_view, 5> kMethods{"POST", "PUT", "PATCH", "GET", "DELETE"};

core::Result<> check_patterns(const NotificationRecord& record) {
    if (record.events.empty() || record.events.size() > kMaxPatterns) {
        return core::invalid_argument("events", "a notification has 1 to 64 event patterns");
    }
    for (const std::string& pattern : record.events) {
        if (auto valid = validate_event_pattern(pattern); !valid) return valid.error();
    }
    return {};
}

core::Result<> check_method(const NotificationRecord& record) {
    if (std::find(kMethods.begin(), kMethods.end(), record.method) != kMethods.end()) return {};
    return core::invalid_argument("method", "the method is POST, PUT, PATCH, GET or DELETE");
}

core::Result<> check_content_type(const NotificationRecord& record) {
    const std::string_view media_type =
        core::trim(std::string_view(record.content_type).substr(0, record.content_type.find(';')));
    const std::size_t slash = media_type.find('/');
    const bool has_both =
        slash != std::string_view::npos && slash > 0 && slash + 1 < media_type.size();
    if (!has_both || media_type.find(' ') != std::string_view::npos) {
        return core::invalid_argument("content_type",
                                      "a content type is type/subtype, such as application/json");
    }
    return http::validate_header("Content-Type", record.content_type, "content_type");
}

core::Result<> check_url(const NotificationRecord& record, const CompiledNotification& compiled,
                         const http::EgressPolicy& policy) {
    const auto url = http::Url::parse(compiled.url.sample(), "url");
    if (!url) return url.error();
    if (url->host == http::kRelativeHost) return {};  // the token's base is checked when it comes
    if (carries_credentials(record)) return check_credential_url(*url, policy, "url");
    return policy.check_literal(url->host, "url");
}

core::Result<> check_headers(const NotificationRecord& record) {
    if (record.headers.size() > kMaxFields)
        return core::invalid_argument("headers", "there are at most 64 headers");
    const auto role = std::holds_alternative<storage::NoAuth>(record.auth)
                          ? http::HeaderRole::kWithoutOurs
                          : http::HeaderRole::kBesideOurs;
    for (const auto& [name, value] : record.headers) {
        // The name alone first: other errors show it.
        if (auto valid = http::check_header_name(name, role, "headers"); !valid)
            return valid.error();
        if (value.size() > kMaxFieldText)
            return core::invalid_argument("headers", name + ": at most 8 KiB");
    }
    return {};
}

core::Result<> check_secret_fields(const NotificationRecord& record) {
    if (record.secret_headers.size() + record.secret_parameters.size() > kMaxFields)
        return core::invalid_argument("secret_headers", "there are at most 64 sealed fields");
    const auto role = std::holds_alternative<storage::NoAuth>(record.auth)
                          ? http::HeaderRole::kWithoutOurs
                          : http::HeaderRole::kBesideOurs;
    for (const auto& [name, value] : record.secret_headers) {
        auto valid = http::check_header_name(name, role, "secret_headers");
        if (valid) valid = http::validate_header(name, value.reveal(), "secret_headers");
        if (!valid) return valid.error();
        const bool twice = std::any_of(record.headers.begin(), record.headers.end(),
                                       [&name = name](const auto& plain) {
                                           return core::equals_ignoring_case(plain.first, name);
                                       });
        if (twice) {
            return core::invalid_argument("secret_headers",
                                          name + " is a header in the clear already");
        }
    }
    for (const auto& [name, value] : record.secret_parameters) {
        if (name.empty() || core::has_control_character(name) ||
            core::has_control_character(value.reveal())) {
            return core::invalid_argument(
                "secret_parameters",
                "a query parameter has a name, and no control characters anywhere");
        }
        if (name.size() + value.reveal().size() > kMaxFieldText)
            return core::invalid_argument("secret_parameters",
                                          "a query parameter has at most 8 KiB");
    }
    return {};
}

core::Result<> check_header_values(const CompiledNotification& compiled) {
    const bool may_be_utf8 = compiled.record.header_encoding == storage::HeaderEncoding::kUtf8;
    const auto validate = may_be_utf8 ? http::validate_utf8_header : http::validate_header;
    for (const auto& [name, value] : compiled.headers) {
        if (auto valid = validate(name, value.sample(), "headers." + name); !valid)
            return valid.error();
    }
    return {};
}

core::Result<> check_parameters(const NotificationRecord& record) {
    if (record.parameters.size() > kMaxFields) {
        return core::invalid_argument("parameters", "there are at most 64 query parameters");
    }
    for (const auto& [name, value] : record.parameters) {
        if (name.empty() || core::has_control_character(name) ||
            core::has_control_character(value)) {
            return core::invalid_argument(
                "parameters", "a query parameter has a name, and no control characters anywhere");
        }
        if (name.size() + value.size() > kMaxFieldText) {
            return core::invalid_argument("parameters", "a query parameter has at most 8 KiB");
        }
    }
    return {};
}

core::Result<> check_sizes(const NotificationRecord& record) {
    if (record.url.size() > kMaxUrl)
        return core::invalid_argument("url", "a URL has at most 8 KiB");
    if (record.body_template && record.body_template->size() > kMaxTemplate) {
        return core::invalid_argument("body_template", "a body template has at most 256 KiB");
    }
    if (record.order_by && record.order_by->size() > kMaxOrderPath) {
        return core::invalid_argument("order_by", "the path has at most 256 bytes");
    }
    return {};
}

core::Result<> check_ranges(const NotificationRecord& record) {
    if (record.timeout < milliseconds(100) || record.timeout > std::chrono::minutes(10)) {
        return core::invalid_argument("timeout_ms", "the timeout is 100 ms to 10 minutes");
    }
    if (record.max_in_flight < 1 || record.max_in_flight > 20'000) {
        return core::invalid_argument("max_in_flight", "max_in_flight is 1 to 20000");
    }
    // Written so that NaN fails.
    if (record.rate_per_s && !(*record.rate_per_s >= 0.001 && *record.rate_per_s <= 100'000.0)) {
        return core::invalid_argument("rate_per_s",
                                      "the rate is 0.001 to 100000 callouts a second");
    }
    return {};
}

core::Result<> check_success(const NotificationRecord& record) {
    if (!record.success) return {};
    const auto pointer = core::parse_json_pointer(record.success->pointer);
    if (pointer) return {};
    return core::invalid_argument("success",
                                  "the success field is POINTER=VALUE: " + pointer.error().message);
}

}  // namespace

core::Result<> validate(const NotificationRecord& record, const http::EgressPolicy& policy) {
    if (auto valid = core::validate_name(record.name); !valid) return valid.error();
    for (const auto rule :
         {check_patterns, check_method, check_sizes, check_content_type, check_headers,
          check_secret_fields, check_parameters, check_ranges, check_success}) {
        if (auto valid = rule(record); !valid) return valid.error();
    }
    if (auto valid = validate_authentication(record, policy); !valid) return valid.error();
    if (auto valid = validate_retry(record.retry); !valid) return valid.error();
    if (auto valid = validate_breaker(record.breaker); !valid) return valid.error();
    const auto compiled = compile(record.clone());
    if (!compiled) return compiled.error();
    if (auto valid = check_header_values(**compiled); !valid) return valid.error();
    return check_url(record, **compiled, policy);
}

}  // namespace herald::dispatcher
