#include "http/beast/transport_error.h"

namespace herald::http {

std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::kResolve:
            return "resolve";
        case Phase::kConnect:
            return "connect";
        case Phase::kTls:
            return "tls";
        case Phase::kWrite:
            return "write";
        case Phase::kRead:
            return "read";
    }
    return "unknown";
}

core::Error transport_error(std::string_view code, FailurePoint point, std::string message) {
    core::Error error{.kind = core::ErrorKind::kTransient,
                      .code = std::string(code),
                      .message = std::move(message)};
    error.details["phase"] = to_string(point.phase);
    error.details["sent"] = point.sent;
    return error;
}

}  // namespace herald::http
