#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "core/error.h"

namespace herald::providers {

/// The quirks and margins of one provider, read from ProviderRecord::settings. The member names are
/// the JSON keys.
struct ProviderSettings {
    std::chrono::seconds assumed_lifetime_s{300};  ///< where the server tells no expiry (O-56)
    std::chrono::seconds max_lifetime_s{86'400};   ///< clamp (O-58)
    std::optional<std::chrono::seconds>
        refresh_lead_s;  ///< instead of clamp(20 %, 30 s, 300 s) (O-76)
    std::optional<std::chrono::seconds> expiry_margin_s;  ///< instead of min(30 s, 10 %) (O-77)
    std::string scope_separator = " ";                    ///< " ", "," or "+" (O-4)
    std::optional<std::string> raw_scope;                 ///< sent as it is (O-7)
    bool raw_basic = false;            ///< client_secret_basic without form encoding (O-27)
    bool resume_after_revoke = false;  ///< obtain again by itself after a revoke (O-135)
    bool keep_warm = false;            ///< refreshed ahead also when idle (O-83)
    std::string test_method = "GET";   ///< O-129
    std::string ca_file;               ///< PEM for this provider's endpoints (O-44)
    std::chrono::seconds rejected_retry_s{900};  ///< automatic probe after a permanent error (O-97)
    std::chrono::milliseconds request_timeout_ms{30'000};

    /// Unknown keys and values out of range are errors naming field and rule.
    [[nodiscard]] static core::Result<ProviderSettings> parse(const boost::json::object& settings);
};

}  // namespace herald::providers
