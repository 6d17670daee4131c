#pragma once

#include <optional>
#include <string_view>

#include "core/error.h"
#include "http/message.h"
#include "providers/grant.h"

namespace herald::providers {

struct AccessToken;
struct ShowInput;

/// The request to the token endpoint for the provider's grant (RFC 6749 section 4.4.2, 6). Only
/// what must be new each time, a `jti` or a track id, differs between two calls. Errors: `no_token`
/// where the grant needs a refresh token, or a set-up, and there is none.
[[nodiscard]] core::Result<http::Request> token_request(const GrantInput& input,
                                                        core::SteadyTime now);

/// RFC 7009 section 2.1, or as the settings have it (O-137). REQUIRES: the provider has a
/// revocation endpoint.
[[nodiscard]] core::Result<http::Request> revocation_request(const GrantInput& input,
                                                             const core::Secret& token,
                                                             std::string_view type_hint,
                                                             core::SteadyTime now);

/// RFC 7662 section 2.1. REQUIRES: there is an introspection endpoint.
[[nodiscard]] core::Result<http::Request> introspection_request(const GrantInput& input,
                                                                const core::Secret& token,
                                                                core::SteadyTime now);

/// The current token, shown to the test endpoint as a callout would: with its proof, its client
/// certificate and what the provider's connections trust. REQUIRES: there is a test endpoint.
[[nodiscard]] core::Result<http::Request> test_request(const ProviderSettings& settings,
                                                       const AccessToken& token,
                                                       const ShowInput& shown_as,
                                                       core::SteadyTime now);

/// A POST of `form` to one of the authorization server's endpoints by the authenticated client.
[[nodiscard]] core::Result<http::Request> client_request(std::string_view endpoint,
                                                         std::string_view field,
                                                         const GrantInput& input, TokenForm form,
                                                         core::SteadyTime now);

/// What the client's connections show and trust.
[[nodiscard]] http::TlsIdentity tls_identity(const storage::ProviderRecord& provider,
                                             const ProviderSettings& settings);

}  // namespace herald::providers
