#include "dispatcher/credential_source.h"

#include "dispatcher/session.h"
#include "dispatcher/single_use_token.h"

namespace herald::dispatcher {
namespace {

bool needs_source(const storage::Authentication& auth) {
    return std::holds_alternative<storage::SessionCookieAuth>(auth) ||
           std::holds_alternative<storage::SingleUseTokenAuth>(auth);
}

}  // namespace

CredentialSourcePtr CredentialSources::of(const CompiledNotificationPtr& notification) {
    const storage::NotificationRecord& record = notification->record;
    if (!needs_source(record.auth)) return nullptr;
    Entry& entry = entries_[record.id];
    if (entry.checked == notification) return entry.source;
    if (!entry.source || !entry.source->serves(record.auth)) entry.source = make(notification);
    entry.checked = notification;
    return entry.source;
}

std::optional<core::SteadyTime> CredentialSources::blocked_until(
    const CompiledNotification& notification, core::SteadyTime now) const {
    const storage::NotificationRecord& record = notification.record;
    if (!needs_source(record.auth)) return std::nullopt;
    const auto found = entries_.find(record.id);
    if (found == entries_.end()) return std::nullopt;
    const Entry& entry = found->second;
    const bool serves = entry.checked.get() == &notification || entry.source->serves(record.auth);
    return serves ? entry.source->blocked_until(now) : std::nullopt;
}

CredentialSourcePtr CredentialSources::make(const CompiledNotificationPtr& notification) {
    if (std::holds_alternative<storage::SessionCookieAuth>(notification->record.auth))
        return std::make_shared<Session>(notification, transport_, clock_);
    return std::make_shared<SingleUseTokens>(notification, transport_, clock_);
}

}  // namespace herald::dispatcher
