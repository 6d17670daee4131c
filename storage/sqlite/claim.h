#pragma once

#include "storage/sqlite/write_session.h"
#include "storage/store.h"

namespace herald::storage::sqlite {

/// Marks due callouts in flight: at most as many as the limits say, and not many more bytes of
/// event data than a claim may hold. May throw Failure.
[[nodiscard]] Claim claim(WriteSession& session, const core::NotificationId& notification,
                          core::SystemTime now, const ClaimLimits& limits);

}  // namespace herald::storage::sqlite
