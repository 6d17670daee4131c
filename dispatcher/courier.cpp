#include "dispatcher/courier.h"

#include "core/json.h"
#include "core/log.h"
#include "dispatcher/authorizer.h"

namespace herald::dispatcher {
namespace {

namespace asio = boost::asio;
using core::Result;
using providers::AccessTokenPtr;
using storage::AttemptRecord;

constexpr std::size_t kExcerptBytes = 4096;
constexpr std::size_t kErrorBytes = 600;
constexpr std::size_t kTrackIdBytes = 64;
constexpr std::chrono::seconds kPauseWhenShort{5};
constexpr std::chrono::seconds kPauseWhenMisconfigured{60};
/// Where the wait for credentials ended before the request for them did.
constexpr std::chrono::seconds kPauseAfterWaiting{1};
constexpr std::chrono::seconds kNoncePatience{1};

// As the receiver echoed it, so that it can be found in its logs (O-49).
std::optional<std::string_view> track_id_in(const http::Response& response,
                                            const Credentials& credentials) {
    if (!credentials.token || credentials.token->use->track_header.empty()) return std::nullopt;
    return response.headers.get(credentials.token->use->track_header);
}

storage::CalloutUpdate to_update(const CalloutJob& job, core::NotificationId notification,
                                 int attempts, const Decision& decision) {
    return {.id = job.id,
            .notification = notification,
            .state = decision.state,
            .reason = decision.reason,
            .due_at = decision.due_at,
            .attempts = attempts,
            .failures = decision.failures};
}

AttemptResult back_to_pending(const CalloutJob& job,
                              const storage::NotificationRecord& notification,
                              core::StoredTime due_at) {
    AttemptResult result;
    result.update = {.id = job.id,
                     .notification = notification.id,
                     .state = storage::CalloutState::kPending,
                     .reason = std::nullopt,
                     .due_at = due_at,
                     .attempts = job.attempts,
                     .failures = job.failures,
                     .crashes = job.crashes};
    return result;
}

AttemptResult parked(const CalloutJob& job, const storage::NotificationRecord& notification,
                     const storage::OauthAuth& auth, core::StoredTime now) {
    AttemptResult result = back_to_pending(job, notification, now);
    result.parked = true;
    result.update.reason = "auth_unavailable:" + auth.provider_name;
    return result;
}

// What we may not or cannot send is no attempt: nobody was asked.
bool is_refused_here(const Result<>& authorized, const core::Error& error) {
    return !authorized || error.kind == core::ErrorKind::kInvalidArgument;
}

// Parked or held for longer than the notification wants to try: it ends without another request.
AttemptResult too_old(const CalloutJob& job, const storage::NotificationRecord& notification) {
    AttemptResult result;
    result.update = {.id = job.id,
                     .notification = notification.id,
                     .state = storage::CalloutState::kDead,
                     .reason = "max_age",
                     .due_at = std::nullopt,
                     .attempts = job.attempts,
                     .failures = job.failures,
                     .crashes = job.crashes};
    return result;
}

// Nothing is recorded of it: the store knows, and this lane has nothing more to do with it.
AttemptResult withdrawn(const CalloutJob& job, const storage::NotificationRecord& notification) {
    AttemptResult result;
    result.update.id = job.id;
    result.update.notification = notification.id;
    result.update.state = storage::CalloutState::kCancelled;
    result.withdrawn = true;
    return result;
}

}  // namespace

std::size_t AttemptResult::cost() const {
    std::size_t bytes = 0;
    for (const AttemptRecord& attempt : attempts) bytes += attempt.response_excerpt.size();
    return bytes;
}

// What an attempt works with, and what its last request came to.
struct Courier::Try {
    CompiledNotificationPtr notification;
    CalloutJob job;
    CredentialSourcePtr source = nullptr;  ///< null where the credentials need no request of ours
    Credentials credentials = {};
    core::SteadyTime deadline{};
    Verdict verdict = {};
    bool in_flight = false;           ///< noted before the first byte
    bool withdrawn = false;           ///< cancelled before the first byte
    bool wants_proof = false;         ///< the same token again, with the nonce that just came
    core::Masking shown_before = {};  ///< what earlier requests of the attempt showed

    [[nodiscard]] Result<http::Request> compose(core::SystemTime now) const {
        return dispatcher::compose(*notification, *job.event, job.id, job.attempts + 1, now,
                                   nullptr);
    }
    [[nodiscard]] const storage::OauthAuth* oauth() const {
        return std::get_if<storage::OauthAuth>(&notification->record.auth);
    }
    /// Hides whatever the receiver may know by now.
    [[nodiscard]] core::Masking masking() const {
        core::Masking all = notification->masking;
        add_credentials(all, credentials);
        all.add(shown_before);
        return all;
    }
    [[nodiscard]] AttemptRecord record(const Result<http::Response>& response) const;
    /// What stands in the way, for the log.
    [[nodiscard]] std::optional<std::string> why() const {
        if (!verdict.error) return std::nullopt;
        return masking().shown(*verdict.error, kErrorBytes);
    }
    [[nodiscard]] bool may_renew() const { return oauth() != nullptr || source != nullptr; }
};

// Of possession of a bound token: whose nonce it carries, and which.
struct Courier::Proof {
    std::string origin = {};  ///< empty: the token is not bound
    std::string nonce = {};
    bool goes_first = false;
};

// Every text in it is the receiver's, and goes through the masking before it is cut.
AttemptRecord Courier::Try::record(const Result<http::Response>& response) const {
    AttemptRecord record;
    record.callout = job.id;
    record.number = job.attempts + 1;
    record.outcome = verdict.outcome;
    // Most receivers say nothing that has to be looked through.
    std::optional<core::Masking> made;
    const auto hidden = [&]() -> const core::Masking& {
        return made ? *made : made.emplace(masking());
    };
    if (verdict.error) record.error = hidden().shown(*verdict.error, kErrorBytes);
    if (credentials.token) record.token_generation = credentials.token->generation;
    if (!response) return record;
    record.status = response->status;
    if (const auto track_id = track_id_in(*response, credentials))
        record.track_id = hidden().shown(*track_id, kTrackIdBytes);
    if (response->body_truncated && !record.error) record.error = "body_truncated";
    if (!response->body.empty())
        record.response_excerpt = hidden().masked(response->body, kExcerptBytes);
    return record;
}

Courier::Courier(StartSending start_sending, http::Transport& transport,
                 providers::TokenManager& tokens, core::Clock& clock, core::Random& random)
    : start_sending_(std::move(start_sending)),
      transport_(transport),
      tokens_(tokens),
      clock_(clock),
      random_(random),
      sources_(transport, clock) {}

AccessTokenPtr Courier::cached_token(core::ProviderId provider) {
    providers::TokenReader& reader = readers_[provider];
    if (!reader) reader = tokens_.reader(provider);
    return reader.read(clock_.steady_now());
}

bool Courier::take_at_hand(Try& attempt) {
    if (const auto* oauth = attempt.oauth()) {
        attempt.credentials.token = cached_token(oauth->provider);
        return attempt.credentials.token != nullptr;
    }
    attempt.source = sources_.of(attempt.notification);
    if (!attempt.source) return true;
    auto found = attempt.source->at_hand(clock_.steady_now());
    if (found) attempt.credentials = std::move(*found);
    return found.has_value();
}

asio::awaitable<Result<Credentials>> Courier::obtain(const Try& attempt,
                                                     core::SteadyTime deadline) {
    if (attempt.source) {
        Result<Credentials> obtained =
            co_await attempt.source->obtain(attempt.job.event, std::nullopt, deadline);
        co_return obtained;
    }
    Result<AccessTokenPtr> token =
        co_await tokens_.access_token(attempt.oauth()->provider, deadline);
    if (!token) co_return token.error();
    Credentials credentials{.token = std::move(*token)};
    co_return std::move(credentials);
}

asio::awaitable<Result<Credentials>> Courier::renew(const Try& attempt) {
    if (attempt.wants_proof) co_return Credentials{.token = attempt.credentials.token};
    if (attempt.source) {
        std::optional<std::int64_t> refused;
        if (attempt.credentials.cookie) refused = attempt.credentials.cookie->generation;
        Result<Credentials> obtained =
            co_await attempt.source->obtain(attempt.job.event, refused, attempt.deadline);
        co_return obtained;
    }
    const std::int64_t refused = attempt.credentials.token->generation;
    Result<AccessTokenPtr> token =
        co_await tokens_.renewed_token(attempt.oauth()->provider, refused, attempt.deadline);
    if (!token) co_return token.error();
    Credentials credentials{.token = std::move(*token)};
    co_return std::move(credentials);
}

AttemptResult Courier::without_credentials(Try& attempt, const core::Error& error) {
    const storage::NotificationRecord& record = attempt.notification->record;
    const core::StoredTime now = clock_.stored_now();
    if (const auto* oauth = attempt.oauth()) return parked(attempt.job, record, *oauth, now);
    if (error.code != "auth_unavailable") {
        attempt.verdict = judge(error, record, clock_.system_now());
        return conclude(attempt, {});
    }
    const core::SteadyTime steady = clock_.steady_now();
    const auto until = attempt.source->blocked_until(steady).value_or(steady + kPauseAfterWaiting);
    const auto pause = std::chrono::ceil<std::chrono::milliseconds>(until - steady);
    AttemptResult result = back_to_pending(attempt.job, record, now + pause);
    result.update.reason = "auth_unavailable:" + record.name;
    result.auth_error = error;
    return result;
}

void Courier::judge_answer(Try& attempt, const Proof& proof,
                           const Result<http::Response>& response) {
    attempt.verdict = judge(response, attempt.notification->record, clock_.system_now());
    const AccessTokenPtr& token = attempt.credentials.token;
    attempt.wants_proof = false;
    if (!token || !response) return;
    if (token->use->refuses_token != nullptr && token->use->refuses_token(*response)) {
        attempt.verdict.outcome = storage::AttemptOutcome::kRetry;
        attempt.verdict.token_refused = true;
        attempt.verdict.error = "token_refused: the receiver's answer says so in its own way";
    }
    if (proof.origin.empty()) return;
    const auto said = nonces_.note(proof.origin, proof.nonce, *response, clock_.steady_now());
    attempt.wants_proof = said == providers::NonceVerdict::kStale;
    if (said == providers::NonceVerdict::kRefused) attempt.verdict.token_refused = false;
}

asio::awaitable<bool> Courier::go_first(std::string origin, core::SteadyTime deadline) {
    const core::SteadyTime until = std::min(deadline, clock_.steady_now() + kNoncePatience);
    while (nonces_.is_doubtful(origin, clock_.steady_now()) && clock_.steady_now() < until) {
        if (scouted_.insert(origin).second) co_return true;
        co_await nonce_room_.wait(clock_, until);
    }
    co_return false;
}

bool Courier::may_send(Try& attempt) {
    if (attempt.in_flight) return true;  // the resend after a 401
    const auto sending = start_sending_(attempt.job.id, attempt.notification->record.id);
    if (sending == storage::CalloutQueue::Sending::kUnderWay) {
        core::log(core::LogLevel::kError, "database_damaged",
                  {{"callout", attempt.job.id.text()},
                   {"why",
                    "it was handed out again while its last attempt has no outcome; it is "
                    "not sent a second time"},
                   {"remedy", "stop the daemon and run 'herald doctor --fix'"}});
    }
    attempt.in_flight = sending == storage::CalloutQueue::Sending::kMayStart;
    attempt.withdrawn = !attempt.in_flight;
    return attempt.in_flight;
}

asio::awaitable<std::optional<AttemptRecord>> Courier::send(Try& attempt, http::Request request) {
    const storage::NotificationRecord& notification = attempt.notification->record;
    request.deadline = attempt.deadline;
    Proof proof;
    const AccessTokenPtr token = attempt.credentials.token;
    if (token && token->dpop) {
        const bool is_relative = request.url.host == http::kRelativeHost;
        proof.origin = token->base && is_relative ? token->base->origin() : request.url.origin();
        proof.goes_first = co_await go_first(proof.origin, attempt.deadline);
        proof.nonce = nonces_.at(proof.origin);
    }
    const auto authorized = authorize(request, notification.auth, attempt.credentials,
                                      {.now = clock_.system_now(), .dpop_nonce = proof.nonce});
    if (const auto shown = request.headers.get("DPoP")) attempt.shown_before.add(*shown);
    const core::SteadyTime started = clock_.steady_now();
    Result<http::Response> response = core::Error{};
    if (!authorized) {
        response = authorized.error();
    } else if (may_send(attempt)) {
        response = co_await transport_.send(std::move(request));
    }
    if (!attempt.withdrawn) judge_answer(attempt, proof, response);
    if (proof.goes_first) {
        scouted_.erase(proof.origin);
        nonce_room_.wake_all();
    }
    if (attempt.withdrawn) co_return std::nullopt;
    const bool nothing_left =
        !response && (attempt.verdict.unspent || is_refused_here(authorized, response.error()));
    if (nothing_left) co_return std::nullopt;
    AttemptRecord record = attempt.record(response);
    if (attempt.source && record.outcome == storage::AttemptOutcome::kDelivered)
        attempt.source->accepted(attempt.credentials, started);
    record.started_at = clock_.stored_at(started);
    record.duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - started);
    co_return record;
}

// The lane waits for a person; a shortage of our own passes by itself.
AttemptResult Courier::put_back(const Try& attempt) const {
    const bool ours = attempt.verdict.unspent == core::Fault::kOurselves;
    const core::StoredTime now = clock_.stored_now();
    AttemptResult result = back_to_pending(attempt.job, attempt.notification->record,
                                           ours ? now + kPauseWhenShort : now);
    result.update.reason = attempt.verdict.reason;
    result.hold_for = ours ? kPauseWhenShort : kPauseWhenMisconfigured;
    result.why = attempt.why();
    return result;
}

AttemptResult Courier::conclude(const Try& attempt, std::vector<AttemptRecord> records) {
    if (records.empty() && attempt.verdict.unspent) return put_back(attempt);
    const CalloutJob& job = attempt.job;
    const RetryPosition position{
        .failures = job.failures, .event_at = job.event->received_at, .now = clock_.stored_now()};
    const Decision decision =
        decide(attempt.verdict, attempt.notification->record.retry, position, random_);
    AttemptResult result;
    const int attempts = records.empty() ? job.attempts : job.attempts + 1;
    result.update = to_update(job, attempt.notification->record.id, attempts, decision);
    if (records.empty()) result.why = attempt.why();
    if (!records.empty()) result.receiver = attempt.verdict.receiver;
    result.attempts = std::move(records);
    return result;
}

asio::awaitable<AttemptResult> Courier::attempt(CompiledNotificationPtr notification,
                                                CalloutJob job, RateLimit& rate) {
    Try attempt{.notification = std::move(notification), .job = std::move(job)};
    const storage::NotificationRecord& record = attempt.notification->record;
    if (is_past_max_age(record.retry, attempt.job.event->received_at, clock_.stored_now()))
        co_return too_old(attempt.job, record);
    const core::SystemTime now = clock_.system_now();
    Result<http::Request> request = attempt.compose(now);
    if (!request) {
        attempt.verdict = judge(request.error(), record, now);
        co_return conclude(attempt, {});
    }

    if (!take_at_hand(attempt)) {
        const bool shares = !std::holds_alternative<storage::SingleUseTokenAuth>(record.auth);
        if (shares) rate.give_back();
        const core::SteadyTime patience = clock_.steady_now() + record.timeout;
        Result<Credentials> obtained = co_await obtain(attempt, patience);
        if (!obtained) co_return without_credentials(attempt, obtained.error());
        // All who waited could leave now: the lane begins the others again, at its rate.
        if (shares && !rate.try_take(clock_.steady_now()))
            co_return back_to_pending(attempt.job, record, clock_.stored_now());
        attempt.credentials = std::move(*obtained);
    }

    attempt.deadline = clock_.steady_now() + record.timeout;
    std::vector<AttemptRecord> records;
    std::optional<AttemptRecord> first = co_await send(attempt, std::move(*request));
    if (attempt.withdrawn) co_return withdrawn(attempt.job, record);
    if (!first) co_return conclude(attempt, {});
    records.push_back(std::move(*first));
    if (attempt.verdict.token_refused && attempt.may_renew()) co_await resend(attempt, records);
    co_return conclude(attempt, std::move(records));
}

asio::awaitable<void> Courier::resend(Try& attempt, std::vector<AttemptRecord>& records) {
    Result<Credentials> renewed = co_await renew(attempt);
    if (!renewed) co_return;
    // Composed anew rather than copied for every first try: a 401 is rare.
    Result<http::Request> request = attempt.compose(clock_.system_now());
    if (!request || clock_.steady_now() >= attempt.deadline) co_return;
    add_credentials(attempt.shown_before, attempt.credentials);
    attempt.credentials = std::move(*renewed);
    const Verdict first_verdict = attempt.verdict;
    std::optional<AttemptRecord> again = co_await send(attempt, std::move(*request));
    if (!again) {
        attempt.verdict = first_verdict;  // nothing left a second time
        co_return;
    }
    again->resend = true;
    records.push_back(std::move(*again));
}

}  // namespace herald::dispatcher
