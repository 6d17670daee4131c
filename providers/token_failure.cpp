// What went wrong at one of the provider's endpoints, and what to do about it (oauth.md 6.7).
#include <array>

#include "core/encoding.h"
#include "core/json.h"
#include "http/retry_after.h"
#include "http/url.h"
#include "providers/refusal.h"
#include "providers/token_response.h"

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Error;
using core::ErrorKind;

constexpr std::size_t kMaxDescription = 500;
constexpr std::chrono::milliseconds kRetryAfterCap = std::chrono::hours(1);  // O-100

// RFC 6749 section 5.2 and RFC 8707: this configuration will be refused again (O-97).
constexpr std::array<std::string_view, 6> kConfigurationErrors = {
    "unsupported_grant_type", "invalid_scope", "invalid_target",
    "invalid_request",        "access_denied", "expired_token"};

// How servers say that client id or secret are wrong: the standard's two, and what is seen besides.
constexpr std::array<std::string_view, 8> kClientErrors = {
    "invalid_client",         "unauthorized_client", "incorrect_client_credentials",
    "invalid_client_secret",  "invalid_client_id",   "invalid_client_credentials",
    "bad_client_credentials", "invalid_credentials"};

// A 401 with one of these is about something else than the client.
constexpr std::array<std::string_view, 3> kOtherErrors = {"invalid_grant", "use_dpop_nonce",
                                                          "invalid_dpop_proof"};

constexpr std::array<std::string_view, 4> kPassingErrors = {
    "authorization_pending", "slow_down", "temporarily_unavailable", "unsupported_token_type"};

template <std::size_t kSize>
bool is_one_of(std::string_view code, const std::array<std::string_view, kSize>& codes) {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// What the standards name decides what is done, and stays readable whatever the credentials are.
std::string shown_code(const std::string& told, const core::Masking& masking) {
    const bool is_standard = is_one_of(told, kConfigurationErrors) ||
                             is_one_of(told, kClientErrors) || is_one_of(told, kOtherErrors) ||
                             is_one_of(told, kPassingErrors);
    return is_standard ? told : masking.shown(told, kMaxDescription);
}

bool is_transient_status(int status) {
    return status == 408 || status == 409 || status == 423 || status == 425 || status == 429 ||
           status >= 500;
}

Error redirect_failure(const http::Response& response, const core::Masking& masking,
                       std::string_view endpoint) {
    std::string where = "elsewhere";
    if (const auto location = response.headers.get("Location")) {
        if (auto url = http::Url::parse(*location, "location"))
            where = masking.shown(url->origin(), kMaxDescription);
    }
    Error error{.kind = ErrorKind::kPermanent,
                .code = "token_endpoint_unreachable",
                .message = std::string(endpoint) + " answered " + std::to_string(response.status) +
                           ", a redirect to " + where +
                           ", which is never followed with credentials; configure the "
                           "final URL",
                .details = {}};
    error.details["class"] = "redirect";
    error.details["error_description"] = "redirect to " + where;
    return error;
}

ErrorKind kind_of(int status, std::string_view code) {
    if (status == 429) return ErrorKind::kThrottled;
    if (is_transient_status(status))
        return ErrorKind::kTransient;  // whatever the body says (O-104)
    const bool is_known = is_one_of(code, kConfigurationErrors) || is_one_of(code, kClientErrors);
    if (status == 401 || is_known || code == "invalid_grant" || code == "unsupported_token_type")
        return ErrorKind::kUnauthorized;
    return ErrorKind::kPermanent;  // an unknown answer; the manager waits for three alike (O-105)
}

Error told_failure(const http::Response& response, const core::Masking& masking,
                   std::string_view endpoint) {
    const Refusal refusal = read_refusal(response);
    std::string code = shown_code(refusal.code, masking);
    const std::string description = masking.shown(refusal.description, kMaxDescription);
    if (code.empty() && refusal.is_document) code = "unsuccessful";
    Error error{.kind = kind_of(response.status, code),
                .code = refusal.is_document ? "oauth_error" : "token_endpoint_unreachable",
                .message = std::string(endpoint) + " answered " + std::to_string(response.status),
                .details = {}};
    if (!code.empty()) error.message += " " + code;
    if (!description.empty()) error.message += ": " + description;
    if (code == "authorization_pending" || code == "slow_down") {
        error.kind = ErrorKind::kTransient;  // a device authorization goes on (RFC 8628)
        error.code = "authorization_pending";
    }
    // It is about the moment, whatever the status (O-141).
    if (code == "use_dpop_nonce") error.kind = ErrorKind::kTransient;
    error.details["class"] = refusal.is_document ? "oauth" : "http";
    if (refusal.is_document) error.details["error"] = code;
    error.details["error_description"] = description;
    return error;
}

}  // namespace

bool refuses_client(const Error& error) {
    const std::string code = core::string_member(error.details, "error").value_or("");
    if (is_one_of(code, kClientErrors)) return true;
    const auto* status = error.details.if_contains("status");
    return status != nullptr && *status == 401 && !is_one_of(code, kOtherErrors);
}

Error answer_failure(const http::Response& response, const core::Masking& masking,
                     std::string_view endpoint, core::SystemTime now) {
    const bool is_redirect = response.status >= 300 && response.status < 400;
    Error error = is_redirect ? redirect_failure(response, masking, endpoint)
                              : told_failure(response, masking, endpoint);
    error.details["status"] = response.status;
    // A clock that is off makes assertions invalid, and nothing else says so (O-158).
    if (const auto skew = clock_skew(response, now)) {
        const std::string text = skew_text(response, *skew);
        error.message += "; " + text;
        error.details["clock"] = text;
    }
    if (const auto wait = http::retry_after(response, now)) {
        error.retry_after = std::min(*wait, kRetryAfterCap);
    }
    return error;
}

Error endpoint_failure(const Error& transport_error, const core::Masking& masking,
                       std::string_view endpoint) {
    const std::string why = masking.shown(transport_error.message, kMaxDescription);
    const bool blocked = transport_error.code == "blocked_address";
    Error error{.kind = blocked ? ErrorKind::kPermanent : ErrorKind::kTransient,
                .code = blocked ? "blocked_address" : "token_endpoint_unreachable",
                .message = "ask " + std::string(endpoint) + ": " + why,
                .details = {}};
    const bool malformed = transport_error.code == "malformed";
    if (malformed) error.code = "malformed_token_response";
    error.details["class"] = transport_error.code;
    error.details["error_description"] = why;
    return error;
}

storage::ProviderError to_provider_error(const Error& error, core::StoredTime now) {
    storage::ProviderError out;
    out.error_class = core::string_member(error.details, "class")
                          .value_or(error.kind == ErrorKind::kStorage ? "storage" : "oauth");
    out.code = core::string_member(error.details, "error").value_or(error.code);
    out.description =
        core::string_member(error.details, "error_description").value_or(error.message);
    if (const json::value* status = error.details.if_contains("status");
        status != nullptr && status->is_int64()) {
        out.status = static_cast<int>(status->as_int64());
    }
    out.at = now;
    return out;
}

}  // namespace herald::providers
