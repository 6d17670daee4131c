#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/error.h"
#include "http/message.h"
#include "providers/settings.h"
#include "storage/records.h"

namespace herald::providers {

/// The body and headers of a request to the authorization server while they are put together.
struct TokenForm {
    storage::Fields fields;
    http::Headers headers;
};

/// What a person's set-up brought, to be exchanged for tokens once.
struct SetupCode {
    core::Secret code;         ///< an authorization code, or a device code
    std::string redirect_uri;  ///< of an authorization code
    core::Secret verifier;     ///< PKCE; empty: a device authorization without it
};

struct GrantInput {
    const storage::ProviderRecord& provider;
    const ProviderSettings& settings;
    core::SystemTime now;
    /// Null where the provider has none.
    const core::Secret* refresh_token = nullptr;
    /// Null unless a set-up is being finished.
    const SetupCode* setup = nullptr;
};

/// How a token is asked for (RFC 6749 section 1.3). Each lives in a file of its own under grants/.
struct Grant {
    std::string_view name;  ///< the name operators use
    /// Goes on with the refresh token that an answer brings.
    bool uses_refresh_token = false;
    /// The operator has to give the first one.
    bool needs_refresh_token = false;
    bool needs_private_key = false;
    /// A person sets it up with `token setup`.
    bool is_interactive = false;
    /// Adds its fields, `grant_type` first.
    core::Result<> (*add_fields)(const GrantInput& input, TokenForm& form);
};

/// How the client proves who it is (RFC 6749 section 2.3). Each lives in a file of its own under
/// client_auth/.
struct ClientAuthentication {
    std::string_view name;
    bool needs_secret = false;
    bool needs_private_key = false;
    bool needs_certificate = false;
    core::Result<> (*apply)(const GrantInput& input, TokenForm& form);
};

/// Every grant and client authentication there is (builtin.cpp). Null where the name is unknown.
[[nodiscard]] const Grant* find_grant(std::string_view name);
[[nodiscard]] const ClientAuthentication* find_client_authentication(std::string_view name);

/// Scopes joined by the provider's separator, empty where none is to be sent (O-4, O-5, O-7).
[[nodiscard]] std::string scope_parameter(const storage::ProviderRecord& provider,
                                          const ProviderSettings& settings);

/// Fields of a refresh (RFC 6749 section 6): for every grant that uses refresh tokens.
[[nodiscard]] core::Result<> add_refresh_fields(const GrantInput& input, TokenForm& form);

}  // namespace herald::providers
