#pragma once

#include "core/error.h"
#include "http/egress_policy.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// Every rule a notification must keep before it is stored: names, patterns, URL (literal addresses
/// checked against the policy; plain http with credentials to allowed loopback only), methods,
/// headers (reserved ones, and Authorization beside an authentication of ours), authentication
/// (dispatcher/auth_rules.h), templates, secrets, ranges. The error names field, rule, remedy.
[[nodiscard]] core::Result<> validate(const storage::NotificationRecord& record,
                                      const http::EgressPolicy& policy);

}  // namespace herald::dispatcher
