#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "core/clock.h"
#include "core/error.h"
#include "http/transport.h"
#include "providers/settings.h"

namespace herald::providers {

/// Asks an issuer for its metadata: first as RFC 8414 has it (the well-known part between host and
/// path), then as OpenID Connect does (behind the path). At most two requests, no credentials.
///
/// Only the endpoints and lists that we use are returned. Errors: kPermanent `discovery_failed`
/// where a document names another issuer (then nothing of it is used) or no token endpoint;
/// kTransient where none could be had.
[[nodiscard]] boost::asio::awaitable<core::Result<boost::json::object>> discover(
    std::string issuer, ProviderSettings settings, http::Transport& transport, core::Clock& clock);

}  // namespace herald::providers
