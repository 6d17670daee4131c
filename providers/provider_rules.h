#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "http/egress_policy.h"
#include "storage/records.h"

namespace herald::providers {

/// Tokens separated by any run of spaces or commas; case and order kept, exact duplicates dropped
/// (O-3). A token outside %x21 %x23-5B %x5D-7E is an error naming it (O-6).
[[nodiscard]] core::Result<std::vector<std::string>> parse_scopes(std::string_view text);

/// Every rule a provider must keep before it is stored: kind, grant, client authentication and the
/// secrets they need, endpoints (https, or plain http to allowed loopback; O-8), parameters that
/// may not be overridden (O-19), settings, what its kind adds. A disabled one may be without its
/// secrets. `has_refresh_token`: whether the grant's refresh token
/// is, or will be, stored with it.
[[nodiscard]] core::Result<> validate(const storage::ProviderRecord& record, bool has_refresh_token,
                                      const http::EgressPolicy& policy);

/// Brings what people typed into the one form that is stored, as the kind has it.
[[nodiscard]] core::Result<> normalize(storage::ProviderRecord& record);

/// Whether a provider may be edited into another, as the kind has it.
[[nodiscard]] core::Result<> check_change(const storage::ProviderRecord& before,
                                          const storage::ProviderRecord& after);

/// Whether the two differ in anything that shapes a token: then the token is dropped (O-13).
[[nodiscard]] bool shapes_another_token(const storage::ProviderRecord& before,
                                        const storage::ProviderRecord& after);

/// Known names, for help and errors.
[[nodiscard]] std::span<const std::string_view> known_kinds();
[[nodiscard]] std::span<const std::string_view> known_grant_types();
[[nodiscard]] std::span<const std::string_view> known_client_authentications();

/// The state people see: no_token, authorized, failing, rejected, needs_setup, revoked, disabled.
[[nodiscard]] std::string_view provider_state(const storage::ProviderRecord& record,
                                              const storage::TokenRecord* token,
                                              core::StoredTime now);

}  // namespace herald::providers
