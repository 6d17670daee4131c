#include "api/handlers/overview.h"

#include <map>

#include "providers/provider_rules.h"

namespace herald::api {
namespace {

using core::Result;
using storage::NotificationCounts;

using LaneMap = std::map<core::NotificationId, dispatcher::LaneSnapshot>;

LaneMap lanes_of(const Services& services) {
    LaneMap lanes;
    if (services.scheduler == nullptr) return lanes;
    for (dispatcher::LaneSnapshot& lane : services.scheduler->lanes())
        lanes.emplace(lane.id, std::move(lane));
    return lanes;
}

std::string stored_state(const storage::NotificationRecord& record) {
    if (!record.enabled) return "disabled";
    return record.paused ? "paused" : "open";
}

LaneOverview lane_overview(const storage::NotificationRecord& record, const LaneMap& lanes) {
    LaneOverview out;
    out.name = record.name;
    out.state = stored_state(record);
    out.breaker = "closed";
    const auto lane = lanes.find(record.id);
    if (lane == lanes.end()) return out;
    out.state = lane->second.state;
    out.breaker = dispatcher::to_string(lane->second.breaker);
    out.requests_on_the_wire = lane->second.in_flight;
    return out;
}

void add(NotificationCounts& total, const NotificationCounts& part) {
    total.pending += part.pending;
    total.claimed += part.claimed;
    total.in_flight += part.in_flight;
    total.delivered += part.delivered;
    total.dead += part.dead;
    total.cancelled += part.cancelled;
}

Result<> read_callouts(const Services& services, Overview& out) {
    const auto counts = services.store.counts();
    if (!counts) return counts.error();
    const auto notifications = services.store.notifications();
    if (!notifications) return notifications.error();
    std::map<core::NotificationId, NotificationCounts> by_id;
    for (const NotificationCounts& part : counts->notifications) {
        add(out.callouts, part);
        if (!part.name.empty()) by_id.emplace(part.id, part);
    }
    const LaneMap lanes = lanes_of(services);
    for (const storage::NotificationRecord& record : *notifications) {
        LaneOverview lane = lane_overview(record, lanes);
        const auto found = by_id.find(record.id);
        if (found != by_id.end()) lane.counts = found->second;
        out.lanes.push_back(std::move(lane));
    }
    out.events = counts->events;
    out.events_pruned = services.events_pruned();
    if (counts->oldest_pending_at) {
        const std::chrono::duration<double> age = out.at - *counts->oldest_pending_at;
        out.oldest_pending_s = std::max(0.0, age.count());
    }
    return {};
}

Result<> read_providers(const Services& services, Overview& out) {
    const auto records = services.store.providers();
    if (!records) return records.error();
    for (const storage::ProviderRecord& record : *records) {
        const auto token = services.store.token(record.id);
        if (!token) return token.error();
        const storage::TokenRecord* held = *token ? &**token : nullptr;
        ProviderOverview provider;
        provider.name = record.name;
        provider.grant_type = record.grant_type;
        provider.state = std::string(providers::provider_state(record, held, out.at));
        provider.token_requests = record.token_requests;
        if (held != nullptr && held->access_token) provider.token_expires_at = held->expires_at;
        if (held != nullptr) provider.token_generation = held->generation;
        provider.metrics = services.tokens.metrics(record.id);
        out.providers.push_back(std::move(provider));
    }
    return {};
}

}  // namespace

Result<Overview> read_overview(const Services& services) {
    Overview out;
    out.at = services.clock.stored_now();
    if (auto read = read_callouts(services, out); !read) return read.error();
    if (auto read = read_providers(services, out); !read) return read.error();
    const auto revocations = services.store.pending_revocations();
    if (!revocations) return revocations.error();
    out.pending_revocations = static_cast<std::int64_t>(revocations->size());
    return out;
}

}  // namespace herald::api
