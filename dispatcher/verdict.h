#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/error.h"
#include "core/fault.h"
#include "http/message.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// What an attempt says about the receiver's health.
enum class ReceiverHealth {
    kUnknown,  ///< nothing was heard of it: no request left, or the fault is not its own
    kWorks,    ///< it answered, be it with a refusal of this one callout
    kFails,    ///< no answer, 408, 429 or 5xx
};

/// What one answer, or its absence, means for the callout. docs/states.md has the table.
struct Verdict {
    storage::AttemptOutcome outcome = storage::AttemptOutcome::kRetry;
    /// Why a callout that ends here is dead: `rejected`, `gone`, …; why a retry is not a usual one:
    /// `rate_limited`; why nothing could leave: the error's code; else empty.
    std::string reason = {};
    /// What the history shows beside the status: `timeout: …`, the Location of a refused redirect.
    /// As the receiver said it, neither masked nor cut: whoever keeps it does both.
    std::optional<std::string> error = std::nullopt;
    std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
    ReceiverHealth receiver = ReceiverHealth::kUnknown;
    /// Nothing left and neither receiver nor event has a part in it: no attempt is spent. Then
    /// kConfiguration or kOurselves.
    std::optional<core::Fault> unspent = std::nullopt;
    /// A 401, unless its challenge says that the scope is too small: no new token helps (O-92).
    bool token_refused = false;
};

/// Pure: one table over status, transport error code and the notification's settings (E-55 to 88).
[[nodiscard]] Verdict judge(const core::Result<http::Response>& result,
                            const storage::NotificationRecord& notification, core::SystemTime now);

}  // namespace herald::dispatcher
