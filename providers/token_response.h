#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/masking.h"
#include "core/secret.h"
#include "http/message.h"
#include "providers/settings.h"
#include "storage/records.h"

namespace herald::providers {

/// A token response understood (RFC 6749 section 5.1), with what was odd about it.
struct TokenResponse {
    core::Secret access_token;
    std::optional<core::Secret> refresh_token;
    std::vector<std::string> scopes;  ///< granted; as requested where the server does not say
    std::chrono::milliseconds lifetime{
        0};                         ///< clamped; 0: serves those who wait, then is dropped (O-57)
    bool lifetime_is_told = false;  ///< by the server or the token; else it is assumed
    /// How long the grant lives unless it is used again; empty: not told, or without an end.
    std::optional<std::chrono::milliseconds> grant_lifetime = std::nullopt;
    boost::json::object attributes;  ///< other members that are kept, masked
    std::vector<std::string> warnings;
};

/// Understands any answer of a token endpoint. Pure; a failure leaves nothing half done (O-66).
///
/// Errors are what the token manager acts on: `kind` kTransient or kThrottled (back off),
/// kUnauthorized (a person must act) or kPermanent; `code` of docs/errors.md; details {class,
/// error, error_description, status}. No part of the body reaches an error but what the server says
/// of its refusal (providers/refusal.h), masked and made printable. Masked as well, also by the
/// tokens of the answer itself, is what is kept beside a token: scopes, attributes, warnings.
[[nodiscard]] core::Result<TokenResponse> parse_token_response(
    const http::Response& response, const core::Masking& masking,
    const storage::ProviderRecord& provider, const ProviderSettings& settings,
    core::SystemTime now);

/// Those of the members of an answer that may be kept and shown: a list of names, of the kind and
/// of the record's settings.
[[nodiscard]] boost::json::object kept_attributes(const boost::json::object& all,
                                                  const ProviderSettings& settings);

/// Seconds of a lifetime as we use them: whole, not below 0, at most max_lifetime_s (O-58).
[[nodiscard]] std::chrono::milliseconds clamped_lifetime(double seconds,
                                                         const ProviderSettings& settings);

/// By how much our clock is ahead of the server's, where that is more than 30 s (O-158), and how a
/// person is told.
[[nodiscard]] std::optional<std::chrono::seconds> clock_skew(const http::Response& response,
                                                             core::SystemTime now);
[[nodiscard]] std::string skew_text(const http::Response& response, std::chrono::seconds skew);

/// A failed exchange with one of the provider's endpoints (DNS, TLS, timeout …) in the same terms.
[[nodiscard]] core::Error endpoint_failure(const core::Error& transport_error,
                                           const core::Masking& masking, std::string_view endpoint);

/// An answer that is no success: OAuth error object, bare status, or redirect; the same for every
/// endpoint.
[[nodiscard]] core::Error answer_failure(const http::Response& response,
                                         const core::Masking& masking, std::string_view endpoint,
                                         core::SystemTime now);

/// Whether the client itself was refused, so that another secret may work: a 401 that names nothing
/// else, or one of the codes that servers have for it.
[[nodiscard]] bool refuses_client(const core::Error& error);

/// What is kept and shown of a failure.
[[nodiscard]] storage::ProviderError to_provider_error(const core::Error& error,
                                                       core::StoredTime now);

}  // namespace herald::providers
