#pragma once

#include <optional>
#include <string_view>

#include "core/clock.h"
#include "core/error.h"
#include "http/message.h"
#include "providers/access_token.h"

namespace herald::providers {

struct ShowInput {
    core::SystemTime now;
    /// Which of the entities a token is good for; a callout that names none may need none.
    std::optional<std::string_view> entity = std::nullopt;
    std::string_view dpop_nonce = {};  ///< as the receiver last gave it (RFC 9449 section 9)
};

/// Puts the token on a request as its provider's receivers want to see it: header or query, more
/// headers, entity, track id, proof of possession, client certificate; a URL without a host leads
/// to the token's own base.
///
/// Errors, kPermanent, before anything is sent: `entity_required`, `entity_unknown`,
/// `base_url_missing`.
[[nodiscard]] core::Result<> show_token(http::Request& request, const AccessToken& token,
                                        const ShowInput& input);

}  // namespace herald::providers
