#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>

#include "core/clock.h"
#include "http/transport.h"
#include "providers/settings.h"
#include "providers/token_response.h"
#include "storage/store.h"

namespace herald::providers {

/// One run of a provider's grant, on copies: what it needs stays the same whatever happens to the
/// provider meanwhile.
struct ExchangeInput {
    storage::ProviderRecord provider;
    ProviderSettings settings;
    std::optional<core::Secret> refresh_token;
    storage::TokenFence fence;
};

struct ExchangeResult {
    core::Result<TokenResponse> response;
    core::SteadyTime requested_at;  ///< when the request that counted was started
    core::SystemTime obtained_at;
    int requests = 0;
};

/// Asks the token endpoint. A refresh token is presented only after a durable note of it (O-119,
/// O-120); when the answer to it is lost on the way, exactly once more (O-123).
[[nodiscard]] boost::asio::awaitable<ExchangeResult> exchange(ExchangeInput input,
                                                              http::Transport& transport,
                                                              storage::Store& store,
                                                              core::Clock& clock);

}  // namespace herald::providers
