#pragma once

#include "dispatcher/credential_request.h"
#include "dispatcher/credential_source.h"

namespace herald::dispatcher {

/// The authentication `single_use_token`: a request to the signature resource before each request
/// of a callout; what it brings is shown once and never kept.
///
/// Requests run side by side while the resource works; after a failure one of them goes alone and
/// the others wait for what becomes of it.
class SingleUseTokens final : public CredentialSource {
public:
    /// REQUIRES: the notification's authentication is a SingleUseTokenAuth.
    SingleUseTokens(CompiledNotificationPtr notification, http::Transport& transport,
                    core::Clock& clock);

    [[nodiscard]] std::optional<Credentials> at_hand(core::SteadyTime now) const override;
    [[nodiscard]] boost::asio::awaitable<core::Result<Credentials>> obtain(
        storage::EventPtr event, std::optional<std::int64_t> refused,
        core::SteadyTime deadline) override;
    void accepted(const Credentials&, core::SteadyTime) override {}
    [[nodiscard]] std::optional<core::SteadyTime> blocked_until(
        core::SteadyTime now) const override {
        return outage_.until(now);
    }
    [[nodiscard]] bool serves(const storage::Authentication& auth) const override;

private:
    [[nodiscard]] CredentialErrand errand() const;
    [[nodiscard]] core::Result<http::Request> compose(const storage::EventRecord& event,
                                                      core::SteadyTime deadline) const;
    [[nodiscard]] boost::asio::awaitable<core::Result<Credentials>> ask(http::Request request);
    [[nodiscard]] core::Result<Credentials> read(const core::Result<http::Response>& answer) const;

    const CompiledNotificationPtr notification_;
    const storage::SingleUseTokenAuth& auth_;  ///< of notification_
    http::Transport& transport_;
    core::Clock& clock_;

    bool probing_ = false;
    CredentialOutage outage_;
    WaitingRoom waiting_;
};

/// Token and signature out of the resource's answer. Errors: `malformed`, without a value.
[[nodiscard]] core::Result<SingleUseToken> read_single_use_token(
    const http::Response& answer, const storage::SingleUseTokenAuth& auth);

}  // namespace herald::dispatcher
