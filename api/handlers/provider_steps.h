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
[[nodiscard]] boost::asio::awaitable<core::Result<>> reload_provider(CallPtr call,
                                                                     core::ProviderId id);
/// The same, then the provider as it is shown.
[[nodiscard]] Answering adopted_provider(CallPtr call, int status, std::string name,
                                         core::ProviderId id);

/// `provider_in_use` as the deletion would meet it, asked before anything is revoked.
[[nodiscard]] core::Result<> expect_unused(const Services& services,
                                           const storage::ProviderRecord& record);
/// Revokes what is stored. `revocation_failed` unless the server took it back or cannot: then
/// nothing may be deleted.
[[nodiscard]] boost::asio::awaitable<core::Result<>> revoke_for_deletion(CallPtr call,
                                                                         std::string name,
                                                                         core::ProviderId id);

}  // namespace herald::api
