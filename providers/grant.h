#pragma once

#include <span>
#include <string>
#include <string_view>

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

struct GrantInput {
    const storage::ProviderRecord& provider;
    const ProviderSettings& settings;
    /// Null where the provider has none.
    const core::Secret* refresh_token = nullptr;
};

/// How a token is asked for (RFC 6749 section 1.3). Each lives in a file of its own under grants/.
struct Grant {
    std::string_view name;  ///< the name operators use; also the wire's grant_type unless
                            ///< `add_fields` says otherwise
    bool needs_refresh_token = false;
    core::Result<> (*add_fields)(const GrantInput& input, TokenForm& form);
};

/// How the client proves who it is (RFC 6749 section 2.3). Each lives in a file of its own under
/// client_auth/.
struct ClientAuthentication {
    std::string_view name;
    bool needs_secret = true;
    void (*apply)(const storage::ProviderRecord& provider, const ProviderSettings& settings,
                  TokenForm& form);
};

/// Every grant, client authentication and kind there is (builtin.cpp). Null where the name is
/// unknown.
[[nodiscard]] const Grant* find_grant(std::string_view name);
[[nodiscard]] const ClientAuthentication* find_client_authentication(std::string_view name);

/// Scopes joined by the provider's separator, empty where none is to be sent (O-4, O-5, O-7).
[[nodiscard]] std::string scope_parameter(const storage::ProviderRecord& provider,
                                          const ProviderSettings& settings);

}  // namespace herald::providers
