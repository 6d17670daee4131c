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

core::Error local_failure(std::string_view code, Phase phase, std::string message) {
    auto error = transport_error(code, {.phase = phase}, std::move(message));
    error.details["local"] = true;
    return error;
}

}  // namespace herald::http
