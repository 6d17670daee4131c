#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace herald::http {

/// What a request was doing when it ended.
enum class Phase { kResolve, kConnect, kTls, kWrite, kRead };

[[nodiscard]] std::string_view to_string(Phase phase);

/// Where a request failed, for details.phase and details.sent.
struct FailurePoint {
    Phase phase = Phase::kResolve;
    bool sent = false;
};

/// kTransient; `code` is one of those of http/transport.h.
[[nodiscard]] core::Error transport_error(std::string_view code, FailurePoint point,
                                          std::string message);

}  // namespace herald::http
