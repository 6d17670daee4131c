#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/random.h"
#include "dispatcher/composer.h"
#include "dispatcher/retry_policy.h"
#include "http/transport.h"
#include "providers/token_manager.h"
#include "storage/store.h"

namespace herald::dispatcher {

/// A callout in a lane's hands.
struct CalloutJob {
    core::CalloutId id;
    storage::EventPtr event;
    int attempts = 0;
    int failures = 0;
};

/// What an attempt came to.
struct AttemptResult {
    std::vector<storage::AttemptRecord> attempts;  ///< none where no request left
    storage::CalloutUpdate update;
    /// The provider could give no token: parked, no attempt spent (design section 7).
    bool parked = false;
    ReceiverHealth receiver = ReceiverHealth::kUnknown;
};

/// Carries out one attempt and nothing but its sequence: compose, authorise, send, judge, decide.
///
/// Thread-safety: none; one per worker. Never fails: every trouble is a result.
class Courier final {
public:
    Courier(http::Transport& transport, providers::TokenManager& tokens, core::Clock& clock,
            core::Random& random);

    [[nodiscard]] boost::asio::awaitable<AttemptResult> attempt(
        CompiledNotificationPtr notification, CalloutJob job);

private:
    struct Try;
    [[nodiscard]] providers::AccessTokenPtr cached_token(core::ProviderId provider);
    /// `attempt` is the caller's local and outlives the call.
    [[nodiscard]] boost::asio::awaitable<storage::AttemptRecord> send(Try& attempt,
                                                                      http::Request request);
    [[nodiscard]] AttemptResult conclude(const Try& attempt,
                                         std::vector<storage::AttemptRecord> records);

    http::Transport& transport_;
    providers::TokenManager& tokens_;
    core::Clock& clock_;
    core::Random& random_;
    /// The snapshots of this worker: read without a lock (O-74).
    std::unordered_map<core::ProviderId, providers::TokenReader, core::IdHash> readers_;
};

}  // namespace herald::dispatcher
