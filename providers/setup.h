#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/masking.h"
#include "http/message.h"
#include "providers/grant.h"
#include "storage/token_store.h"

namespace herald::providers {

/// A set-up that a person has begun: at most one per provider, in memory, for a few minutes.
struct PendingSetup {
    std::string state;  ///< of an authorization request (RFC 6749 section 10.12)
    std::string redirect_uri;
    core::Secret verifier;     ///< PKCE (RFC 7636)
    core::Secret device_code;  ///< of a device authorization (RFC 8628)
    core::SteadyTime ends_at;
    std::chrono::seconds interval{5};  ///< between two looks at a device authorization
    core::SteadyTime next_look_at;

    /// Five seconds more from now on (RFC 8628 section 3.5).
    void slow_down() {
        interval += std::chrono::seconds(5);
        next_look_at += std::chrono::seconds(5);
    }
};

/// Set-ups that were begun and not finished, with what they are good for; for another TokenManager
/// of the same database.
using BegunSetups = std::vector<std::pair<storage::TokenFence, PendingSetup>>;

/// What a person is to do now.
struct SetupStart {
    std::string authorization_url;  ///< open it in a browser
    std::string state;
    std::string user_code;                  ///< or: type this …
    std::string verification_uri;           ///< … there
    std::string verification_uri_complete;  ///< or open this
    std::chrono::seconds expires_in{0};
    std::chrono::seconds interval{0};
};

/// What came back to the redirect URI.
struct SetupAnswer {
    core::Secret code;
    std::string state;
    std::optional<std::string> issuer;  ///< `iss` (RFC 9207)
};

/// `no_token`, kUnauthorized: run `herald token setup NAME`.
[[nodiscard]] core::Error setup_needed(const storage::ProviderRecord& provider);

/// A new authorization request: fills `pending` and returns the URL to open. `redirect_uri` is a
/// loopback one (RFC 8252 section 7.3).
[[nodiscard]] core::Result<SetupStart> begin_authorization(const storage::ProviderRecord& provider,
                                                           const ProviderSettings& settings,
                                                           const std::string& redirect_uri,
                                                           core::SteadyTime now,
                                                           PendingSetup& pending);
/// Compares in constant time; errors are `setup_failed` and say what to do.
[[nodiscard]] core::Result<SetupCode> check_answer(const storage::ProviderRecord& provider,
                                                   const ProviderSettings& settings,
                                                   const PendingSetup& pending,
                                                   const SetupAnswer& answer, core::SteadyTime now);

/// The request to the device authorization endpoint, and its answer: both fill `pending`. With
/// PKCE, which is no part of RFC 8628, where the server's metadata lists it or the settings say so.
[[nodiscard]] core::Result<http::Request> device_request(const GrantInput& input,
                                                         core::SteadyTime now,
                                                         PendingSetup& pending);
[[nodiscard]] core::Result<SetupStart> read_device_answer(
    const http::Response& response, const core::Masking& masking, const std::string& endpoint,
    core::SteadyTime now, core::SystemTime system_now, PendingSetup& pending);

}  // namespace herald::providers
