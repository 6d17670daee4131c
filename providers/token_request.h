#pragma once

#include <optional>
#include <string_view>

#include "core/error.h"
#include "http/message.h"
#include "providers/grant.h"

namespace herald::providers {

/// The request to the token endpoint for the provider's grant (RFC 6749 section 4.4.2, 6). Pure.
/// Errors: `no_token` where the grant needs a refresh token and there is none.
[[nodiscard]] core::Result<http::Request> token_request(const GrantInput& input,
                                                        core::SteadyTime now);

/// RFC 7009 section 2.1. REQUIRES: the provider has a revocation endpoint.
[[nodiscard]] core::Result<http::Request> revocation_request(
    const storage::ProviderRecord& provider, const ProviderSettings& settings,
    const core::Secret& token, std::string_view type_hint, core::SteadyTime now);

/// The current token, shown to the test endpoint as a callout would. REQUIRES: there is a test
/// endpoint.
[[nodiscard]] core::Result<http::Request> test_request(const storage::ProviderRecord& provider,
                                                       const ProviderSettings& settings,
                                                       const core::Secret& authorization,
                                                       core::SteadyTime now);

}  // namespace herald::providers
