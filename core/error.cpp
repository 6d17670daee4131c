#include "core/error.h"

#include <stdexcept>

#include "core/encoding.h"

namespace herald::core {
namespace {

constexpr std::size_t kLongestShownName = 128;

}  // namespace

void throw_exception_from_error(const Error& error, const boost::source_location& location) {
    const std::string where = std::string(" (") + location.function_name() + ")";
    throw std::logic_error(error.code + ": " + error.message + where);
}

Error invalid_argument(std::string_view field, std::string_view rule) {
    Error error{.kind = ErrorKind::kInvalidArgument, .code = "invalid_argument", .message = {}};
    error.message.append(field).append(": ").append(rule);
    error.details["field"] = field;
    error.details["rule"] = rule;
    return error;
}

Error not_found(std::string_view what, std::string_view name) {
    Error error{.kind = ErrorKind::kNotFound, .code = "not_found", .message = "no "};
    error.message.append(what).append(" named '");
    error.message.append(printable(name, kLongestShownName)).append("'");
    return error;
}

std::string_view to_string(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::kTransient:
            return "transient";
        case ErrorKind::kThrottled:
            return "throttled";
        case ErrorKind::kUnauthorized:
            return "unauthorized";
        case ErrorKind::kPermanent:
            return "permanent";
        case ErrorKind::kConflict:
            return "conflict";
        case ErrorKind::kNotFound:
            return "not_found";
        case ErrorKind::kInvalidArgument:
            return "invalid_argument";
        case ErrorKind::kCancelled:
            return "cancelled";
        case ErrorKind::kStorage:
            return "storage";
    }
    return "unknown";
}

}  // namespace herald::core
