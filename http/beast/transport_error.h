#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "http/failure_codes.h"

namespace herald::http {

/// What a request was doing when it ended.
enum class Phase { kResolve, kConnect, kTls, kWrite, kRead };

[[nodiscard]] std::string_view to_string(Phase phase);

/// Where a request failed, for details.phase and details.sent.
struct FailurePoint {
    Phase phase = Phase::kResolve;
    bool sent = false;
};

/// kTransient; `code` is one of failure::kAll.
[[nodiscard]] core::Error transport_error(std::string_view code, FailurePoint point,
                                          std::string message);
/// The same with details.local: this machine is to blame, and nothing has left it.
[[nodiscard]] core::Error local_failure(std::string_view code, Phase phase, std::string message);

}  // namespace herald::http
