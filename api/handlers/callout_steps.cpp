#include "api/handlers/callout_steps.h"

#include <algorithm>
#include <map>

#include "api/json_text.h"

namespace herald::api {
namespace {

using core::Result;

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
    HoldReasons out(services);
    if (services.scheduler != nullptr) return out;
    const auto silent = silent_providers(services.store);
    if (!silent) return silent.error();
    const auto notifications = services.store.notifications();
    if (!notifications) return notifications.error();
    for (const storage::NotificationRecord& record : *notifications)
        out.holds_[record.id] = {.reason = reason_of(record, *silent)};
    return out;
}

// Half open: all but the probe wait for what becomes of it.
HoldReasons::Hold HoldReasons::hold_of(core::NotificationId notification) const {
    const auto lane = scheduler_->lane(notification);
    if (!lane) return {};
    if (lane->state == "paused" || lane->state == "disabled") return {.reason = lane->state};
    if (lane->held_by) return {.reason = *lane->held_by, .until = lane->held_until};
    if (lane->breaker == dispatcher::CircuitBreaker::State::kHalfOpen)
        return {.reason = "breaker_open", .until = now_};
    return {};
}

const HoldReasons::Hold* HoldReasons::hold_on(const storage::CalloutRecord& callout) const {
    if (callout.state != storage::CalloutState::kPending || !callout.notification) return nullptr;
    auto found = holds_.find(*callout.notification);
    if (found == holds_.end() && scheduler_ != nullptr)
        found = holds_.emplace(*callout.notification, hold_of(*callout.notification)).first;
    if (found == holds_.end() || found->second.reason.empty()) return nullptr;
    const Hold& hold = found->second;
    const bool waits_longer = hold.until && callout.due_at && *callout.due_at > *hold.until;
    return waits_longer || callout.reason == "ordered" ? nullptr : &hold;
}

std::optional<std::string> HoldReasons::of(const storage::CalloutRecord& callout) const {
    const Hold* hold = hold_on(callout);
    return hold != nullptr ? hold->reason : callout.reason;
}

std::optional<core::StoredTime> HoldReasons::due_at(const storage::CalloutRecord& callout) const {
    const Hold* hold = hold_on(callout);
    if (hold == nullptr || !hold->until || !callout.due_at) return callout.due_at;
    return std::max(*callout.due_at, *hold->until);
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
