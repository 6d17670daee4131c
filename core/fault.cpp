#include "core/fault.h"

#include <algorithm>
#include <array>

namespace herald::core {
namespace {

constexpr std::array kFaults = {
    CodeFault{"connect", Fault::kReceiver},
    CodeFault{"dns", Fault::kReceiver},
    CodeFault{"http", Fault::kReceiver},
    CodeFault{"malformed", Fault::kReceiver},
    CodeFault{"timeout", Fault::kReceiver},
    CodeFault{"tls", Fault::kReceiver},

    CodeFault{"auth_refresh_suppressed", Fault::kAuthorizationServer},
    CodeFault{"auth_unavailable", Fault::kAuthorizationServer},
    CodeFault{"authorization_pending", Fault::kAuthorizationServer},
    CodeFault{"discovery_failed", Fault::kAuthorizationServer},
    CodeFault{"malformed_token_response", Fault::kAuthorizationServer},
    CodeFault{"oauth_error", Fault::kAuthorizationServer},
    CodeFault{"revocation_failed", Fault::kAuthorizationServer},
    CodeFault{"setup_failed", Fault::kAuthorizationServer},
    CodeFault{"token_endpoint_unreachable", Fault::kAuthorizationServer},
    CodeFault{"token_rejected", Fault::kAuthorizationServer},

    CodeFault{"rejected_request", Fault::kEvent},
    CodeFault{"template_error", Fault::kEvent},

    CodeFault{"base_url_missing", Fault::kConfiguration},
    CodeFault{"blocked_address", Fault::kConfiguration},
    CodeFault{"credential_unreadable", Fault::kConfiguration},
    CodeFault{"endpoint_missing", Fault::kConfiguration},
    CodeFault{"entity_required", Fault::kConfiguration},
    CodeFault{"entity_unknown", Fault::kConfiguration},
    CodeFault{"key_mismatch", Fault::kConfiguration},
    CodeFault{"no_token", Fault::kConfiguration},
    CodeFault{"not_trusted", Fault::kConfiguration},
    CodeFault{"provider_disabled", Fault::kConfiguration},

    CodeFault{"database_damaged", Fault::kOurselves},
    CodeFault{"database_locked", Fault::kOurselves},
    CodeFault{"demo_failed", Fault::kOurselves},
    CodeFault{"internal_error", Fault::kOurselves},
    CodeFault{"local_limit", Fault::kOurselves},
    CodeFault{"network_unreachable", Fault::kOurselves},
    CodeFault{"overloaded", Fault::kOurselves},
    CodeFault{"resolver_unavailable", Fault::kOurselves},
    CodeFault{"shutting_down", Fault::kOurselves},
    CodeFault{"storage_error", Fault::kOurselves},
    CodeFault{"storage_full", Fault::kOurselves},

    CodeFault{"already_running", Fault::kCaller},
    CodeFault{"callout_delivered", Fault::kCaller},
    CodeFault{"callout_finished", Fault::kCaller},
    CodeFault{"callout_in_flight", Fault::kCaller},
    CodeFault{"cancelled", Fault::kCaller},
    CodeFault{"daemon_not_running", Fault::kCaller},
    CodeFault{"idempotency_conflict", Fault::kCaller},
    CodeFault{"interrupted", Fault::kCaller},
    CodeFault{"invalid_argument", Fault::kCaller},
    CodeFault{"malformed_request", Fault::kCaller},
    CodeFault{"not_finished", Fault::kCaller},
    CodeFault{"not_found", Fault::kCaller},
    CodeFault{"notification_exists", Fault::kCaller},
    CodeFault{"notification_in_use", Fault::kCaller},
    CodeFault{"payload_too_large", Fault::kCaller},
    CodeFault{"provider_exists", Fault::kCaller},
    CodeFault{"provider_in_use", Fault::kCaller},
    CodeFault{"stale_token_write", Fault::kCaller},
};

}  // namespace

std::span<const CodeFault> code_faults() {
    return kFaults;
}

bool is_error_code(std::string_view text) {
    return std::ranges::find(kFaults, text, &CodeFault::code) != kFaults.end();
}

Fault fault_of(std::string_view code) {
    const auto found = std::ranges::find(kFaults, code, &CodeFault::code);
    return found == kFaults.end() ? Fault::kOurselves : found->fault;
}

Fault fault_of(const Error& error) {
    const Fault fault = fault_of(error.code);
    const auto* local = error.details.if_contains("local");
    const bool met_here = local != nullptr && local->is_bool() && local->get_bool();
    return met_here && fault == Fault::kReceiver ? Fault::kOurselves : fault;
}

std::string_view to_string(Fault fault) {
    switch (fault) {
        case Fault::kReceiver:
            return "receiver";
        case Fault::kAuthorizationServer:
            return "authorization_server";
        case Fault::kEvent:
            return "event";
        case Fault::kConfiguration:
            return "configuration";
        case Fault::kOurselves:
            return "ourselves";
        case Fault::kCaller:
            return "caller";
    }
    return "";
}

}  // namespace herald::core
