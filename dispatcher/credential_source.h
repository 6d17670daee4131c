#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "core/clock.h"
#include "dispatcher/composer.h"
#include "dispatcher/credentials.h"
#include "http/transport.h"

namespace herald::dispatcher {

/// Where the callouts of one notification get credentials that a request of ours brings: a session,
/// single-use tokens.
///
/// Thread-safety: none, its worker owns it. Lifetime: shared with the attempts that use it; the
/// transport outlives it.
class CredentialSource {
public:
    CredentialSource() = default;
    CredentialSource(const CredentialSource&) = delete;
    CredentialSource& operator=(const CredentialSource&) = delete;
    virtual ~CredentialSource() = default;

    /// What can be shown at `now` without a request; empty where there is nothing.
    [[nodiscard]] virtual std::optional<Credentials> at_hand(core::SteadyTime now) const = 0;
    /// Credentials for a callout of `event`, other than the cookie of generation `refused`. Waits
    /// for at most one request, and not past `deadline`. Errors: `auth_unavailable`, details
    /// {class, notification}: no attempt is spent; `template_error`.
    [[nodiscard]] virtual boost::asio::awaitable<core::Result<Credentials>> obtain(
        storage::EventPtr event, std::optional<std::int64_t> refused,
        core::SteadyTime deadline) = 0;
    /// A callout that left at `sent_at` with these was successful.
    virtual void accepted(const Credentials& shown, core::SteadyTime sent_at) = 0;
    /// Until when it gives nothing, after a failure; empty where it may be asked.
    [[nodiscard]] virtual std::optional<core::SteadyTime> blocked_until(
        core::SteadyTime now) const = 0;
    /// Whether it does what `auth` says; else another one has to take its place.
    [[nodiscard]] virtual bool serves(const storage::Authentication& auth) const = 0;
};
using CredentialSourcePtr = std::shared_ptr<CredentialSource>;

/// The sources of one worker's notifications, made when first needed.
class CredentialSources final {
public:
    CredentialSources(http::Transport& transport, core::Clock& clock)
        : transport_(transport), clock_(clock) {}

    /// Null where the notification's authentication needs none.
    [[nodiscard]] CredentialSourcePtr of(const CompiledNotificationPtr& notification);
    [[nodiscard]] std::optional<core::SteadyTime> blocked_until(
        const CompiledNotification& notification, core::SteadyTime now) const;
    void forget(core::NotificationId notification) { entries_.erase(notification); }

private:
    struct Entry {
        CompiledNotificationPtr checked;  ///< the definition `source` is known to serve
        CredentialSourcePtr source;
    };
    [[nodiscard]] CredentialSourcePtr make(const CompiledNotificationPtr& notification);

    http::Transport& transport_;
    core::Clock& clock_;
    std::unordered_map<core::NotificationId, Entry, core::IdHash> entries_;
};

}  // namespace herald::dispatcher
