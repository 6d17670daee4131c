#pragma once

#include "dispatcher/credential_request.h"
#include "dispatcher/credential_source.h"

namespace herald::dispatcher {

/// The authentication `session_cookie`: one login serves all callouts until it expires.
///
/// At most one login is under way, whose outcome, also a failure, is shared by all who wait. The
/// expiry counts from when the login, or the last successful callout, left. A refused cookie (401)
/// is dropped, by its generation: a thousand refusals of one are one login.
class Session final : public CredentialSource {
public:
    /// REQUIRES: the notification's authentication is a SessionCookieAuth.
    Session(CompiledNotificationPtr notification, http::Transport& transport, core::Clock& clock);

    [[nodiscard]] std::optional<Credentials> at_hand(core::SteadyTime now) const override;
    [[nodiscard]] boost::asio::awaitable<core::Result<Credentials>> obtain(
        storage::EventPtr event, std::optional<std::int64_t> refused,
        core::SteadyTime deadline) override;
    void accepted(const Credentials& shown, core::SteadyTime sent_at) override;
    [[nodiscard]] std::optional<core::SteadyTime> blocked_until(
        core::SteadyTime now) const override;
    [[nodiscard]] bool serves(const storage::Authentication& auth) const override;

private:
    [[nodiscard]] bool usable(core::SteadyTime now) const {
        return cookie_ != nullptr && now < expires_at_;
    }
    [[nodiscard]] CredentialErrand errand() const;
    [[nodiscard]] boost::asio::awaitable<core::Result<Credentials>> log_in(
        core::SteadyTime deadline);
    [[nodiscard]] core::Result<> adopt(const core::Result<http::Response>& answer,
                                       core::SteadyTime asked_at);

    const CompiledNotificationPtr notification_;
    const storage::SessionCookieAuth& auth_;  ///< of notification_
    http::Transport& transport_;
    core::Clock& clock_;

    SessionCookiePtr cookie_;
    core::SteadyTime expires_at_;
    std::int64_t generation_ = 0;
    bool logging_in_ = false;
    CredentialOutage outage_;
    WaitingRoom waiting_;
};

/// The NAME=VALUE pairs of all Set-Cookie lines, attributes dropped; of one name the last.
/// Errors: `malformed`, without a value.
[[nodiscard]] core::Result<SessionCookie> read_cookies(const http::Headers& headers);

}  // namespace herald::dispatcher
