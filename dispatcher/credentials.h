#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/masking.h"
#include "core/secret.h"
#include "providers/access_token.h"

namespace herald::dispatcher {

/// The cookies of one login.
struct SessionCookie {
    core::Secret header;          ///< as it is sent: `a=1; b=2`
    core::Masking masking;        ///< hides it and its parts
    std::int64_t generation = 0;  ///< grows with each login of one notification
};
using SessionCookiePtr = std::shared_ptr<const SessionCookie>;

/// Good for one callout.
struct SingleUseToken {
    core::Secret token;
    core::Secret signature;
};

/// What one request shows that its notification does not hold itself.
struct Credentials {
    providers::AccessTokenPtr token = nullptr;
    SessionCookiePtr cookie = nullptr;
    std::optional<SingleUseToken> single_use = std::nullopt;
};

}  // namespace herald::dispatcher
