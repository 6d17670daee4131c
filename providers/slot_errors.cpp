#include "providers/slot_errors.h"

namespace herald::providers {

using core::Error;
using core::ErrorKind;

Error unavailable(const TokenSlot& slot, const std::string& error_class) {
    Error error{
        .kind = ErrorKind::kTransient,
        .code = "auth_unavailable",
        .message = "provider '" + slot.record.name + "' gives no token now (" + error_class + ")",
        .details = {}};
    error.details["class"] = error_class;
    error.details["provider"] = slot.record.name;
    return error;
}

Error disabled(const TokenSlot& slot) {
    return {.kind = ErrorKind::kConflict,
            .code = "provider_disabled",
            .message = "provider '" + slot.record.name +
                       "' is disabled; enable it with `herald provider enable " + slot.record.name +
                       "`"};
}

Error endpoint_missing(const TokenSlot& slot, std::string_view field, std::string_view flag) {
    Error error{.kind = ErrorKind::kInvalidArgument,
                .code = "endpoint_missing",
                .message = "provider '" + slot.record.name + "' has no " + std::string(field) +
                           "; set it with `herald "
                           "provider edit " +
                           slot.record.name + " " + std::string(flag) + " URL`",
                .details = {}};
    error.details["field"] = field;
    return error;
}

Error no_token(const TokenSlot& slot) {
    return {.kind = ErrorKind::kConflict,
            .code = "no_token",
            .message = "provider '" + slot.record.name +
                       "' has no token; obtain one first with `herald token obtain " +
                       slot.record.name + "`"};
}

}  // namespace herald::providers
