#pragma once

#include <chrono>
#include <memory>

#include "api/router.h"
#include "core/error.h"
#include "providers/setup.h"

namespace herald::cli {

/// The CLI's one way to do anything: a request to the admin API, over the daemon's socket or in
/// process.
class ApiClient {
public:
    virtual ~ApiClient() = default;
    /// Errors: `daemon_not_running` where the socket is silent. An API problem is a response, not
    /// an error.
    [[nodiscard]] virtual core::Result<api::ApiResponse> call(const api::ApiRequest& request) = 0;
    /// Whether a daemon answers; `event fire --wait` needs one.
    [[nodiscard]] virtual bool is_daemon() const = 0;
    /// The set-ups that persons have begun and not finished: what is left of this client when it is
    /// given up, so that nobody waits for the database while a person reads. Empty for a daemon,
    /// which keeps its own.
    [[nodiscard]] virtual providers::BegunSetups take_setups() { return {}; }
    virtual void go_on_with(providers::BegunSetups) {}
};

}  // namespace herald::cli
