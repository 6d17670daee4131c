#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/clock.h"
#include "core/random.h"
#include "dispatcher/byte_budget.h"
#include "dispatcher/composer.h"
#include "dispatcher/credential_request.h"
#include "dispatcher/credential_source.h"
#include "dispatcher/rate_limit.h"
#include "dispatcher/retry_policy.h"
#include "http/transport.h"
#include "providers/dpop_nonces.h"
#include "providers/token_manager.h"
#include "storage/callout_queue.h"

namespace herald::dispatcher {

/// A callout in a lane's hands.
struct CalloutJob {
    core::CalloutId id;
    storage::EventPtr event;
    int attempts = 0;
    int failures = 0;
    int crashes = 0;  ///< a suspect, where it was in flight when the process ended

    /// What it holds in memory (LaneBytes).
    [[nodiscard]] std::size_t cost() const { return LaneBytes::cost_of(event->data.size()); }
};

/// What an attempt came to.
struct AttemptResult {
    std::vector<storage::AttemptRecord> attempts;  ///< none where no request left
    storage::CalloutUpdate update;
    /// The provider could give no token: parked, no attempt spent (design section 7).
    bool parked = false;
    /// A person cancelled the callout before anything left: there is nothing to record.
    bool withdrawn = false;
    /// Nothing of this lane can leave, for the update's reason and through no fault of receiver or
    /// event: no attempt spent, and the lane waits this long unless somebody changes something.
    std::optional<std::chrono::milliseconds> hold_for = std::nullopt;
    /// What went wrong where no attempt tells it; for the log.
    std::optional<std::string> why = std::nullopt;
    /// Why a login or a request for a single-use token brought nothing: no attempt spent, due again
    /// after the back-off.
    std::optional<core::Error> auth_error = std::nullopt;
    ReceiverHealth receiver = ReceiverHealth::kUnknown;

    /// What it holds in memory until it is recorded.
    [[nodiscard]] std::size_t cost() const;
};

/// Carries out one attempt and nothing but its sequence: compose, authorise, send, judge, decide.
///
/// Thread-safety: none; one per worker. Never fails: every trouble is a result.
class Courier final {
public:
    /// Asked before the first byte of each callout: CalloutQueue::start_sending.
    using StartSending =
        std::function<storage::CalloutQueue::Sending(core::CalloutId, core::NotificationId)>;
    Courier(StartSending start_sending, http::Transport& transport, providers::TokenManager& tokens,
            core::Clock& clock, core::Random& random);

    /// REQUIRES: a permit of `rate` was taken, which lives as long as the attempt. One that waits
    /// for credentials that others wait for too gives it back and takes another when it leaves.
    [[nodiscard]] boost::asio::awaitable<AttemptResult> attempt(
        CompiledNotificationPtr notification, CalloutJob job, RateLimit& rate);

    /// Until when no callout of it gets credentials, after a failure; empty where one may try.
    [[nodiscard]] std::optional<core::SteadyTime> blocked_until(
        const CompiledNotification& notification, core::SteadyTime now) const {
        return sources_.blocked_until(notification, now);
    }
    /// Drops its session.
    void forget(core::NotificationId notification) { sources_.forget(notification); }

private:
    struct Try;
    struct Proof;
    [[nodiscard]] providers::AccessTokenPtr cached_token(core::ProviderId provider);
    /// Whether it has credentials without waiting, or needs none.
    [[nodiscard]] bool take_at_hand(Try& attempt);
    // `attempt` is the caller's local and outlives these calls.
    [[nodiscard]] boost::asio::awaitable<core::Result<Credentials>> obtain(
        const Try& attempt, core::SteadyTime deadline);
    /// Others than the ones that were refused.
    [[nodiscard]] boost::asio::awaitable<core::Result<Credentials>> renew(const Try& attempt);
    [[nodiscard]] AttemptResult without_credentials(Try& attempt, const core::Error& error);
    [[nodiscard]] boost::asio::awaitable<void> resend(Try& attempt,
                                                      std::vector<storage::AttemptRecord>& records);
    /// Empty where nothing left; then the verdict says why.
    [[nodiscard]] boost::asio::awaitable<std::optional<storage::AttemptRecord>> send(
        Try& attempt, http::Request request);
    /// Where the origin changes its nonces, the first callout after a pause learns the new one and
    /// the others wait for it, at most a second: a burst is not refused as a whole. Whether this
    /// one is the first.
    [[nodiscard]] boost::asio::awaitable<bool> go_first(std::string origin,
                                                        core::SteadyTime deadline);
    /// False where nothing of this callout may leave.
    [[nodiscard]] bool may_send(Try& attempt);
    void judge_answer(Try& attempt, const Proof& proof,
                      const core::Result<http::Response>& response);
    [[nodiscard]] AttemptResult put_back(const Try& attempt) const;
    [[nodiscard]] AttemptResult conclude(const Try& attempt,
                                         std::vector<storage::AttemptRecord> records);

    const StartSending start_sending_;
    http::Transport& transport_;
    providers::TokenManager& tokens_;
    core::Clock& clock_;
    core::Random& random_;
    CredentialSources sources_;
    providers::DpopNonces nonces_;             ///< of receivers
    std::unordered_set<std::string> scouted_;  ///< origins whose nonce one callout is learning
    WaitingRoom nonce_room_;
    /// The snapshots of this worker: read without a lock (O-74).
    std::unordered_map<core::ProviderId, providers::TokenReader, core::IdHash> readers_;
};

}  // namespace herald::dispatcher
