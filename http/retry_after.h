#pragma once

#include <chrono>
#include <optional>

#include "core/clock.h"
#include "http/message.h"

namespace herald::http {

/// How long the server asks us to wait: Retry-After with any status (RFC 9110 section 10.2.3, delta
/// seconds or any HTTP date; of several lines the largest valid), else, with 429 and 503 only,
/// `ratelimit-reset` / `x-ratelimit-reset` (delta seconds, or an epoch where the value exceeds
/// 10^9; milliseconds where it exceeds 10^12): many servers send those with every answer. Past
/// dates are 0. What does not parse is ignored. Not capped: the caller knows its cap.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_after(const Response& response,
                                                                   core::SystemTime now);

/// One challenge of WWW-Authenticate (RFC 9110 section 11.6.1).
struct Challenge {
    std::string scheme;  ///< lower case
    std::vector<std::pair<std::string, std::string>>
        parameters;  ///< names lower case, quotes taken off
    [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
};

/// Every challenge of every WWW-Authenticate line, at most 64; malformed parts are skipped. Linear
/// time.
[[nodiscard]] std::vector<Challenge> parse_challenges(const Headers& headers);

}  // namespace herald::http
