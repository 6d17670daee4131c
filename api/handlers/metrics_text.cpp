#include <charconv>

#include "api/handlers/overview.h"

namespace herald::api {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

std::string escape_label(std::string_view value) {
    std::string out;
    for (const char c : value) {
        if (c == '\n') {
            out.append("\\n");
            continue;
        }
        if (c == '\\' || c == '"') out.push_back('\\');
        out.push_back(c);
    }
    return out;
}

std::string decimal(double value) {
    std::array<char, 32> buffer{};
    const auto [end, ec] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    return ec == std::errc() ? std::string(buffer.data(), end) : "NaN";
}

// The samples of one metric stand together below one HELP and one TYPE line, as the format asks.
class Exposition final {
public:
    void family(std::string name, std::string_view type, std::string_view help) {
        name_ = std::move(name);
        text_.append("# HELP ").append(name_).append(" ").append(help).append("\n");
        text_.append("# TYPE ").append(name_).append(" ").append(type).append("\n");
    }
    void sample(const Labels& labels, double value, std::string_view suffix = {}) {
        text_.append(name_).append(suffix);
        for (std::size_t i = 0; i < labels.size(); ++i) {
            text_.append(i == 0 ? "{" : ",").append(labels[i].first);
            text_.append("=\"").append(escape_label(labels[i].second)).append("\"");
        }
        text_.append(labels.empty() ? " " : "} ").append(decimal(value)).append("\n");
    }
    void sample(const Labels& labels, std::int64_t value, std::string_view suffix = {}) {
        sample(labels, static_cast<double>(value), suffix);
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    std::string text_;
    std::string name_;
};

void write_callouts(Exposition& out, const Overview& overview) {
    out.family("herald_events", "gauge", "Events kept in the database.");
    out.sample({}, overview.events);
    out.family("herald_history_events_pruned_total", "counter",
               "Events removed from the history since start.");
    out.sample({}, overview.events_pruned);
    out.family("herald_callouts", "gauge", "Callouts by state.");
    const storage::NotificationCounts& all = overview.callouts;
    out.sample({{"state", "pending"}}, all.pending);
    out.sample({{"state", "claimed"}}, all.claimed);
    out.sample({{"state", "in_flight"}}, all.in_flight);
    out.sample({{"state", "delivered"}}, all.delivered);
    out.sample({{"state", "dead"}}, all.dead);
    out.sample({{"state", "cancelled"}}, all.cancelled);
    out.family("herald_oldest_pending_seconds", "gauge",
               "Age of the oldest pending callout, 0 without one.");
    out.sample({}, overview.oldest_pending_s.value_or(0.0));
}

void write_lanes(Exposition& out, const Overview& overview) {
    out.family("herald_lane_callouts", "gauge", "Callouts of one notification by state.");
    for (const LaneOverview& lane : overview.lanes) {
        out.sample({{"notification", lane.name}, {"state", "pending"}}, lane.counts.pending);
        out.sample({{"notification", lane.name}, {"state", "claimed"}}, lane.counts.claimed);
        out.sample({{"notification", lane.name}, {"state", "in_flight"}}, lane.counts.in_flight);
        out.sample({{"notification", lane.name}, {"state", "delivered"}}, lane.counts.delivered);
        out.sample({{"notification", lane.name}, {"state", "dead"}}, lane.counts.dead);
    }
    out.family("herald_lane_in_flight", "gauge", "Requests of one notification on the wire now.");
    for (const LaneOverview& lane : overview.lanes) {
        out.sample({{"notification", lane.name}}, std::int64_t{lane.requests_on_the_wire});
    }
    out.family("herald_lane_state", "gauge", "1 for the state a lane is in.");
    for (const LaneOverview& lane : overview.lanes) {
        out.sample({{"notification", lane.name}, {"state", lane.state}, {"breaker", lane.breaker}},
                   std::int64_t{1});
    }
}

void write_token_requests(Exposition& out, const Overview& overview) {
    out.family("herald_token_requests_total", "counter", "Token requests since start.");
    for (const ProviderOverview& each : overview.providers) {
        out.sample({{"provider", each.name}, {"grant", each.grant_type}, {"result", "ok"}},
                   each.metrics.requests_ok);
        out.sample({{"provider", each.name}, {"grant", each.grant_type}, {"result", "failed"}},
                   each.metrics.requests_failed);
    }
    out.family("herald_token_request_duration_seconds", "summary",
               "Time spent in token requests since start.");
    for (const ProviderOverview& each : overview.providers) {
        const std::chrono::duration<double> spent = each.metrics.request_time;
        out.sample({{"provider", each.name}}, spent.count(), "_sum");
        out.sample({{"provider", each.name}},
                   each.metrics.requests_ok + each.metrics.requests_failed, "_count");
    }
    out.family("herald_token_waits_total", "counter",
               "Callouts that had to wait for a token request.");
    for (const ProviderOverview& each : overview.providers)
        out.sample({{"provider", each.name}}, each.metrics.waits);
    out.family("herald_token_forced_refreshes_total", "counter",
               "Token requests caused by a receiver's 401.");
    for (const ProviderOverview& each : overview.providers) {
        out.sample({{"provider", each.name}}, each.metrics.forced_refreshes);
    }
}

void write_tokens(Exposition& out, const Overview& overview) {
    out.family("herald_token_expiry_seconds", "gauge",
               "Seconds until the access token expires, negative afterwards.");
    for (const ProviderOverview& each : overview.providers) {
        if (!each.token_expires_at) continue;
        const std::chrono::duration<double> left = *each.token_expires_at - overview.at;
        out.sample({{"provider", each.name}}, left.count());
    }
    out.family("herald_provider_state", "gauge", "1 for the state a provider is in.");
    for (const ProviderOverview& each : overview.providers) {
        out.sample({{"provider", each.name}, {"state", each.state}}, std::int64_t{1});
    }
    out.family("herald_revocations_pending", "gauge",
               "Tokens that are still to be revoked at their server.");
    out.sample({}, overview.pending_revocations);
}

}  // namespace

std::string metrics_text(const Overview& overview) {
    Exposition out;
    write_callouts(out, overview);
    write_lanes(out, overview);
    write_token_requests(out, overview);
    write_tokens(out, overview);
    return out.take();
}

}  // namespace herald::api
