#pragma once

#include <boost/json/object.hpp>

#include "core/clock.h"
#include "core/error.h"
#include "providers/settings.h"
#include "storage/records.h"

namespace herald::providers {

/// The token request that would be sent now, for people to look at: method, URL, headers, body and
/// its fields, and what an assertion says; every secret is ********. Sends nothing.
/// `has_refresh_token`: whether it would be a refresh.
[[nodiscard]] core::Result<boost::json::object> explain_token_request(
    const storage::ProviderRecord& record, const ProviderSettings& settings, bool has_refresh_token,
    core::SystemTime now);

}  // namespace herald::providers
