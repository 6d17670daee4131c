#include "api/handlers/callout_steps.h"

#include <map>

#include "api/json_text.h"

namespace herald::api {
namespace {

using core::Result;

// As a lane tells it; empty where nothing holds it.
std::string reason_of(const dispatcher::LaneSnapshot& lane) {
    if (lane.state != "open") return lane.state;
    if (lane.held_by) return *lane.held_by;
    // Half open: all but the probe wait for what becomes of it.
    return lane.breaker == dispatcher::CircuitBreaker::State::kClosed ? "" : "breaker_open";
}

bool gives_no_tokens(const storage::ProviderRecord& provider) {
    if (!provider.enabled) return true;
    switch (provider.condition) {
        case storage::ProviderCondition::kOk:
        case storage::ProviderCondition::kFailing:
            return false;
        case storage::ProviderCondition::kRejected:
        case storage::ProviderCondition::kNeedsSetup:
        case storage::ProviderCondition::kRevoked:
            return true;
    }
    return false;
}

// Without a daemon there are no lanes: what is stored tells as much as can be known.
std::string reason_of(const storage::NotificationRecord& notification,
                      const std::map<core::ProviderId, std::string>& silent_providers) {
    if (!notification.enabled) return "disabled";
    if (notification.paused) return "paused";
    const auto provider = notification.provider();
    const auto found = provider ? silent_providers.find(*provider) : silent_providers.end();
    return found == silent_providers.end() ? std::string() : "auth_unavailable:" + found->second;
}

Result<std::map<core::ProviderId, std::string>> silent_providers(
    storage::ConfigurationStore& store) {
    const auto providers = store.providers();
    if (!providers) return providers.error();
    std::map<core::ProviderId, std::string> out;
    for (const storage::ProviderRecord& provider : *providers) {
        if (gives_no_tokens(provider)) out.emplace(provider.id, provider.name);
    }
    return out;
}

}  // namespace

Result<HoldReasons> HoldReasons::read(const Services& services) {
    HoldReasons out(services.clock.stored_now());
    if (services.scheduler != nullptr) {
        for (const dispatcher::LaneSnapshot& lane : services.scheduler->lanes())
            out.reasons_[lane.id] = reason_of(lane);
        return out;
    }
    const auto silent = silent_providers(services.store);
    if (!silent) return silent.error();
    const auto notifications = services.store.notifications();
    if (!notifications) return notifications.error();
    for (const storage::NotificationRecord& record : *notifications)
        out.reasons_[record.id] = reason_of(record, *silent);
    return out;
}

std::optional<std::string> HoldReasons::of(const storage::CalloutRecord& callout) const {
    if (callout.reason) return callout.reason;
    if (callout.state != storage::CalloutState::kPending || !callout.notification)
        return std::nullopt;
    if (!callout.due_at || *callout.due_at > now_) return std::nullopt;
    const auto found = reasons_.find(*callout.notification);
    if (found == reasons_.end() || found->second.empty()) return std::nullopt;
    return found->second;
}

boost::json::object callout_summary(const storage::CalloutRecord& callout,
                                    const HoldReasons& reasons) {
    boost::json::object out;
    out["id"] = callout.id.text();
    out["notification"] = callout.notification_name;
    out["state"] = storage::to_string(callout.state);
    out["reason"] = text_or_null(reasons.of(callout));
    return out;
}

}  // namespace herald::api
