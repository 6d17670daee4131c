#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>

#include "core/clock.h"
#include "core/masking.h"
#include "http/transport.h"
#include "providers/dpop.h"
#include "providers/dpop_nonces.h"
#include "providers/grant.h"
#include "providers/settings.h"
#include "providers/token_response.h"
#include "storage/token_store.h"

namespace herald::providers {

/// One run of a provider's grant, on copies: what it needs stays the same whatever happens to the
/// provider meanwhile. The credentials that it keeps in files are in their places.
struct ExchangeInput {
    storage::ProviderRecord provider;
    ProviderSettings settings;
    std::shared_ptr<const core::Secret> refresh_token;  ///< to be presented; null: none
    std::shared_ptr<const SetupCode> setup;             ///< null unless a set-up is being finished
    std::shared_ptr<const DpopKey> dpop;                ///< null: no proof of possession
    storage::TokenFence fence;
    core::Masking masking = {};  ///< what the server may know and nobody is to see
};

struct ExchangeResult {
    core::Result<TokenResponse> response;
    core::SteadyTime requested_at;  ///< when the request that counted was started
    core::StoredTime obtained_at;
    int requests = 0;
    /// The refresh token that was shown last; null where none was.
    std::shared_ptr<const core::Secret> presented = nullptr;
    std::optional<int> secret_in_use = std::nullopt;  ///< another secret than before worked (O-37)
};

/// What an exchange works with; all outlive it.
struct ExchangeTools {
    http::Transport& transport;
    storage::TokenStore& store;
    core::Clock& clock;
    DpopNonces& nonces;
};

/// Asks the token endpoint. A refresh token is presented only after a durable note of it (O-119,
/// O-120); when the answer to it is lost on the way, exactly once more (O-123). A client that is
/// refused tries its other secrets once each (O-37). Where no expiry is told, introspection may
/// tell it.
[[nodiscard]] boost::asio::awaitable<ExchangeResult> exchange(ExchangeInput input,
                                                              ExchangeTools tools);

}  // namespace herald::providers
