#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/services.h"
#include "core/error.h"

namespace herald::api {

struct LaneOverview {
    std::string name;
    std::string state;    ///< open, paused, disabled, breaker_open
    std::string breaker;  ///< closed, open, half_open
    storage::NotificationCounts counts;
    int requests_on_the_wire = 0;
};

struct ProviderOverview {
    std::string name;
    std::string grant_type;
    std::string state;
    std::int64_t token_requests = 0;
    std::optional<core::StoredTime> token_expires_at;
    std::int64_t token_generation = 0;
    providers::ProviderMetrics metrics;
};

/// What `stats` and `/metrics` both tell, read at one moment.
struct Overview {
    std::int64_t events = 0;
    std::int64_t events_pruned = 0;        ///< since start
    storage::NotificationCounts callouts;  ///< all notifications together, deleted ones too
    std::optional<double> oldest_pending_s;
    std::vector<LaneOverview> lanes;
    std::vector<ProviderOverview> providers;
    std::int64_t pending_revocations = 0;
    core::StoredTime at;
};

[[nodiscard]] core::Result<Overview> read_overview(const Services& services);

/// The text exposition format of Prometheus.
[[nodiscard]] std::string metrics_text(const Overview& overview);

}  // namespace herald::api
