#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "core/clock.h"
#include "core/error.h"
#include "core/masking.h"
#include "http/transport.h"
#include "providers/settings.h"

namespace herald::providers {

/// Asks an issuer for its metadata: first as RFC 8414 has it (the well-known part between host and
/// path), then as OpenID Connect does (behind the path). At most two requests, no credentials.
///
/// A place whose document names another issuer or no token endpoint is passed over: nothing of it
/// is used, and the next is asked. Only the endpoints and lists that we use are returned. Errors,
/// `discovery_failed`, name every place and what it lacks: kPermanent where a document was there
/// but not for us, kTransient where one may be had later. The server knows the client: what
/// `masking` hides shows neither in an error nor in what is returned.
[[nodiscard]] boost::asio::awaitable<core::Result<boost::json::object>> discover(
    std::string issuer, ProviderSettings settings, core::Masking masking,
    http::Transport& transport, core::Clock& clock);

}  // namespace herald::providers
