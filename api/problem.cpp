#include <array>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "api/json_text.h"
#include "api/problem.h"
#include "api/router.h"

namespace herald::api {
namespace {

struct CodeStatus {
    std::string_view code;
    int status;
};

// The table of contract section 3, and the codes that came after it.
constexpr std::array kCodeStatus = {
    CodeStatus{"malformed_request", 400},
    CodeStatus{"invalid_argument", 422},
    CodeStatus{"endpoint_missing", 422},
    CodeStatus{"template_error", 422},
    CodeStatus{"rejected_request", 422},
    CodeStatus{"not_found", 404},
    CodeStatus{"provider_exists", 409},
    CodeStatus{"notification_exists", 409},
    CodeStatus{"provider_in_use", 409},
    CodeStatus{"notification_in_use", 409},
    CodeStatus{"idempotency_conflict", 409},
    CodeStatus{"already_running", 409},
    CodeStatus{"callout_in_flight", 409},
    CodeStatus{"callout_delivered", 409},
    CodeStatus{"callout_finished", 409},
    CodeStatus{"no_token", 409},
    CodeStatus{"oauth_error", 502},
    CodeStatus{"token_endpoint_unreachable", 502},
    CodeStatus{"malformed_token_response", 502},
    CodeStatus{"blocked_address", 502},
    CodeStatus{"token_rejected", 502},
    CodeStatus{"revocation_failed", 502},
    CodeStatus{"database_locked", 503},
    CodeStatus{"storage_error", 503},
    CodeStatus{"database_damaged", 503},
    CodeStatus{"daemon_not_running", 503},
    CodeStatus{"key_mismatch", 503},
    CodeStatus{"shutting_down", 503},
    CodeStatus{"overloaded", 503},
    CodeStatus{"storage_full", 507},
    CodeStatus{"internal_error", 500},
};

int status_of_kind(core::ErrorKind kind) {
    switch (kind) {
        case core::ErrorKind::kInvalidArgument:
            return 422;
        case core::ErrorKind::kNotFound:
            return 404;
        case core::ErrorKind::kConflict:
            return 409;
        case core::ErrorKind::kCancelled:
            return 503;
        case core::ErrorKind::kStorage:
            return 503;
        case core::ErrorKind::kTransient:
        case core::ErrorKind::kThrottled:
        case core::ErrorKind::kUnauthorized:
        case core::ErrorKind::kPermanent:
            return 502;
    }
    return 500;
}

std::string_view title(int status) {
    switch (status) {
        case 400:
            return "Bad Request";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 413:
            return "Content Too Large";
        case 422:
            return "Unprocessable Content";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 507:
            return "Insufficient Storage";
        default:
            return "Error";
    }
}

}  // namespace

int http_status(const core::Error& error) {
    for (const CodeStatus& row : kCodeStatus) {
        if (row.code == error.code) return row.status;
    }
    return status_of_kind(error.kind);
}

ApiResponse problem(const core::Error& error) {
    return problem_with_status(http_status(error), error);
}

ApiResponse problem_with_status(int status, const core::Error& error) {
    boost::json::object body;
    body["type"] = "about:blank";
    body["title"] = title(status);
    body["status"] = status;
    body["code"] = error.code;
    body["detail"] = shown(error.message);
    body["details"] = error.details;
    ApiResponse response;
    response.status = status;
    response.content_type = "application/problem+json";
    response.body = boost::json::serialize(body);
    if (error.retry_after) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(*error.retry_after);
        response.headers["Retry-After"] = std::to_string(seconds.count());
    }
    return response;
}

core::Error malformed_request(std::string message) {
    return {.kind = core::ErrorKind::kInvalidArgument,
            .code = "malformed_request",
            .message = std::move(message)};
}

core::Error overloaded(std::string why) {
    why += "; try again in a moment";
    return {.kind = core::ErrorKind::kTransient,
            .code = "overloaded",
            .message = std::move(why),
            .retry_after = std::chrono::seconds(1)};
}

}  // namespace herald::api
