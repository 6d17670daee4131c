#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "api/call.h"
#include "core/error.h"
#include "core/id.h"
#include "storage/records.h"

/// Steps that several provider and token operations share.
namespace herald::api {

[[nodiscard]] core::Result<boost::json::object> provider_view(const Services& services,
                                                              const std::string& name);
[[nodiscard]] core::Result<boost::json::object> provider_view(
    const Services& services, const storage::ProviderRecord& record);

/// Lets the token manager adopt what is stored now.
[[nodiscard]] core::Result<> reload_provider(const Services& services, core::ProviderId id);
/// The same, then the provider as it is shown.
[[nodiscard]] core::Result<ApiResponse> adopted_provider(const Call& call, int status,
                                                         const std::string& name,
                                                         core::ProviderId id);

/// `provider_in_use` as the deletion would meet it, asked before anything is revoked.
[[nodiscard]] core::Result<> expect_unused(const Services& services,
                                           const storage::ProviderRecord& record);
/// Revokes what is stored. `revocation_failed` unless the server took it back or cannot: then
/// nothing may be deleted.
[[nodiscard]] core::Result<> revoke_for_deletion(const Services& services,
                                                 const storage::ProviderRecord& record);

}  // namespace herald::api
