#include "api/call.h"
#include "api/handlers/overview.h"
#include "api/json_text.h"

namespace herald::api {
namespace {

using core::Result;

boost::json::object counts_json(const storage::NotificationCounts& counts) {
    boost::json::object out;
    out["pending"] = counts.pending;
    out["claimed"] = counts.claimed;
    out["in_flight"] = counts.in_flight;
    out["delivered"] = counts.delivered;
    out["dead"] = counts.dead;
    out["cancelled"] = counts.cancelled;
    return out;
}

boost::json::array lanes_json(const std::vector<LaneOverview>& lanes) {
    boost::json::array out;
    for (const LaneOverview& lane : lanes) {
        boost::json::object each;
        each["name"] = lane.name;
        each["state"] = lane.state;
        each["pending"] = lane.counts.pending;
        each["claimed"] = lane.counts.claimed;
        each["in_flight"] = lane.counts.in_flight;
        each["delivered"] = lane.counts.delivered;
        each["dead"] = lane.counts.dead;
        each["breaker"] = lane.breaker;
        out.push_back(std::move(each));
    }
    return out;
}

boost::json::array providers_json(const std::vector<ProviderOverview>& providers) {
    boost::json::array out;
    for (const ProviderOverview& provider : providers) {
        boost::json::object each;
        each["name"] = provider.name;
        each["state"] = provider.state;
        each["token_requests"] = provider.token_requests;
        out.push_back(std::move(each));
    }
    return out;
}

Result<ApiResponse> stats(const Call& call) {
    const auto overview = read_overview(call.services);
    if (!overview) return overview.error();
    boost::json::object out;
    out["events"] = overview->events;
    out["callouts"] = counts_json(overview->callouts);
    out["oldest_pending_s"] = or_null(overview->oldest_pending_s);
    out["notifications"] = lanes_json(overview->lanes);
    out["providers"] = providers_json(overview->providers);
    return json_response(200, out);
}

Result<ApiResponse> metrics(const Call& call) {
    const auto overview = read_overview(call.services);
    if (!overview) return overview.error();
    ApiResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics_text(*overview);
    return response;
}

Result<ApiResponse> live(const Call&) {
    return json_response(200, boost::json::object{{"live", true}});
}

Result<ApiResponse> ready(const Call& call) {
    if (!call.services.is_stopping())
        return json_response(200, boost::json::object{{"ready", true}});
    return core::Error{.kind = core::ErrorKind::kTransient,
                       .code = "shutting_down",
                       .message = "the daemon is stopping; ask again when it runs again"};
}

}  // namespace

std::vector<Route> status_routes() {
    return {
        {"GET", "/v1/stats", stats},
        {"GET", "/livez", live, Audit::kNone, Work::kInstant},
        {"GET", "/readyz", ready, Audit::kNone, Work::kInstant},
        {"GET", "/metrics", metrics, Audit::kNone, Work::kMetrics},
    };
}

}  // namespace herald::api
