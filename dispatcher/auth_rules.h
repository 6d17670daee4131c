#pragma once

#include <string_view>

#include "core/error.h"
#include "http/egress_policy.h"
#include "http/url.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// The rules of a notification's authentication: secrets that may stand in a header; header names
/// that are valid, not ours, and used once; URLs of a login or signature resource as those of a
/// callout with credentials; pointers, method, ranges, entities. Fields are `auth.…`, or `headers`
/// where one of those is in the way.
[[nodiscard]] core::Result<> validate_authentication(const storage::NotificationRecord& record,
                                                     const http::EgressPolicy& policy);

/// Refuses a literal address that the policy does not allow, and plain http to anything but allowed
/// loopback (contract section 2).
[[nodiscard]] core::Result<> check_credential_url(const http::Url& url,
                                                  const http::EgressPolicy& policy,
                                                  std::string_view field);

}  // namespace herald::dispatcher
