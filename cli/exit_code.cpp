#include "cli/exit_code.h"

#include <algorithm>
#include <array>

namespace herald::cli {
namespace {

struct Row {
    std::string_view code;
    int exit;
};

constexpr std::array kRows{
    Row{"invalid_argument", kExitUsage},
    Row{"endpoint_missing", kExitUsage},
    Row{"malformed_request", kExitUsage},
    Row{"payload_too_large", kExitUsage},
    Row{"not_found", kExitNotFound},
    Row{"provider_exists", kExitConflict},
    Row{"notification_exists", kExitConflict},
    Row{"provider_in_use", kExitConflict},
    Row{"notification_in_use", kExitConflict},
    Row{"idempotency_conflict", kExitConflict},
    Row{"already_running", kExitConflict},
    Row{"callout_in_flight", kExitConflict},
    Row{"callout_delivered", kExitConflict},
    Row{"callout_finished", kExitConflict},
    Row{"no_token", kExitFailed},
    Row{"oauth_error", kExitFailed},
    Row{"token_endpoint_unreachable", kExitFailed},
    Row{"malformed_token_response", kExitFailed},
    Row{"blocked_address", kExitFailed},
    Row{"token_rejected", kExitFailed},
    Row{"revocation_failed", kExitFailed},
    Row{"database_locked", kExitUnusable},
    Row{"storage_error", kExitUnusable},
    Row{"database_damaged", kExitUnusable},
    Row{"storage_full", kExitUnusable},
    Row{"daemon_not_running", kExitUnusable},
    Row{"key_mismatch", kExitUnusable},
    Row{"shutting_down", kExitUnusable},
    Row{"overloaded", kExitUnusable},
    Row{"interrupted", kExitInterrupted},
    Row{"not_finished", kExitFailed},
};

int exit_code_of_kind(core::ErrorKind kind) {
    switch (kind) {
        case core::ErrorKind::kInvalidArgument:
            return kExitUsage;
        case core::ErrorKind::kNotFound:
            return kExitNotFound;
        case core::ErrorKind::kConflict:
            return kExitConflict;
        case core::ErrorKind::kStorage:
            return kExitUnusable;
        case core::ErrorKind::kTransient:
        case core::ErrorKind::kThrottled:
        case core::ErrorKind::kUnauthorized:
        case core::ErrorKind::kPermanent:
        case core::ErrorKind::kCancelled:
            return kExitFailed;
    }
    return kExitFailed;
}

}  // namespace

int exit_code(const core::Error& error) {
    const auto* const row = std::find_if(kRows.begin(), kRows.end(),
                                         [&](const Row& each) { return each.code == error.code; });
    return row != kRows.end() ? row->exit : exit_code_of_kind(error.kind);
}

core::ErrorKind kind_of_status(int status) {
    switch (status) {
        case 400:
        case 413:
        case 415:
        case 422:
            return core::ErrorKind::kInvalidArgument;
        case 404:
            return core::ErrorKind::kNotFound;
        case 409:
            return core::ErrorKind::kConflict;
        case 503:
        case 507:
            return core::ErrorKind::kStorage;
        default:
            return core::ErrorKind::kPermanent;
    }
}

}  // namespace herald::cli
