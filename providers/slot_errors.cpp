#include "providers/slot_errors.h"

#include "providers/grant.h"

namespace herald::providers {

using core::Error;
using core::ErrorKind;

Error unavailable(const TokenSlot& slot, const std::string& error_class) {
    Error error{
        .kind = ErrorKind::kTransient,
        .code = "auth_unavailable",
        .message = "provider '" + slot.name() + "' gives no token now (" + error_class + ")",
        .details = {}};
    error.details["class"] = error_class;
    error.details["provider"] = slot.name();
    return error;
}

Error disabled(const TokenSlot& slot) {
    return {.kind = ErrorKind::kConflict,
            .code = "provider_disabled",
            .message = "provider '" + slot.name() +
                       "' is disabled; enable it with `herald provider enable " + slot.name() +
                       "`"};
}

Error endpoint_missing(const TokenSlot& slot, std::string_view field, std::string_view flag) {
    Error error{.kind = ErrorKind::kInvalidArgument,
                .code = "endpoint_missing",
                .message = "provider '" + slot.name() + "' has no " + std::string(field) +
                           "; set it with `herald "
                           "provider edit " +
                           slot.name() + " " + std::string(flag) + " URL`",
                .details = {}};
    error.details["field"] = field;
    return error;
}

Error no_token(const TokenSlot& slot) {
    const bool has_refresh_token = slot.token && slot.token->refresh_token;
    const bool is_set_up_by_hand =
        find_grant(slot.record().grant_type)->is_interactive && !has_refresh_token;
    return {.kind = ErrorKind::kConflict,
            .code = "no_token",
            .message = "provider '" + slot.name() + "' has no token; " +
                       (is_set_up_by_hand ? "set it up first with `herald token setup "
                                          : "obtain one first with `herald token obtain ") +
                       slot.name() + "`"};
}

Error overtaken_setup(const TokenSlot& slot) {
    return {.kind = ErrorKind::kUnauthorized,
            .code = "setup_failed",
            .message = "set up provider '" + slot.name() +
                       "': it was changed or revoked meanwhile, so what came back is not used; "
                       "begin again with `herald token setup " +
                       slot.name() + "`"};
}

}  // namespace herald::providers
