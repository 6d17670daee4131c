#include "dispatcher/courier.h"

#include "core/json.h"
#include "dispatcher/authorizer.h"

namespace herald::dispatcher {
namespace {

namespace asio = boost::asio;
using core::Result;
using providers::AccessTokenPtr;
using storage::AttemptRecord;

constexpr std::size_t kExcerptBytes = 4096;

AttemptRecord to_record(const Result<http::Response>& response, const Verdict& verdict,
                        const CalloutJob& job, const storage::NotificationRecord& notification,
                        const providers::AccessToken* token) {
    AttemptRecord record;
    record.callout = job.id;
    record.number = job.attempts + 1;
    record.outcome = verdict.outcome;
    if (verdict.error) record.error = mask_credentials(*verdict.error, notification, token);
    if (token != nullptr) record.token_generation = token->generation;
    if (response) {
        record.status = response->status;
        record.response_excerpt =
            mask_credentials(response->body, notification, token).substr(0, kExcerptBytes);
    }
    return record;
}

storage::CalloutUpdate to_update(const CalloutJob& job, int attempts, const Decision& decision) {
    return {.id = job.id,
            .state = decision.state,
            .reason = decision.reason,
            .due_at = decision.due_at,
            .attempts = attempts,
            .failures = decision.failures};
}

AttemptResult parked(const CalloutJob& job, const storage::OauthAuth& auth, core::SystemTime now) {
    AttemptResult result;
    result.parked = true;
    result.update = {.id = job.id,
                     .state = storage::CalloutState::kPending,
                     .reason = "auth_unavailable:" + auth.provider_name,
                     .due_at = now,
                     .attempts = job.attempts,
                     .failures = job.failures};
    return result;
}

// Parked or held for longer than the notification wants to try: it ends without another request.
AttemptResult too_old(const CalloutJob& job) {
    AttemptResult result;
    result.update = {.id = job.id,
                     .state = storage::CalloutState::kDead,
                     .reason = "max_age",
                     .due_at = std::nullopt,
                     .attempts = job.attempts,
                     .failures = job.failures};
    return result;
}

}  // namespace

// One request of an attempt: what goes out, what came back.
struct Courier::Try {
    CompiledNotificationPtr notification;
    CalloutJob job;
    http::Request request;
    AccessTokenPtr token;
    Verdict verdict = {};
};

Courier::Courier(http::Transport& transport, providers::TokenManager& tokens, core::Clock& clock,
                 core::Random& random)
    : transport_(transport), tokens_(tokens), clock_(clock), random_(random) {}

AccessTokenPtr Courier::cached_token(core::ProviderId provider) {
    providers::TokenReader& reader = readers_[provider];
    if (!reader) reader = tokens_.reader(provider);
    return reader.read(clock_.steady_now());
}

asio::awaitable<AttemptRecord> Courier::send(Try& attempt) {
    const storage::NotificationRecord& notification = attempt.notification->record;
    http::Request request = attempt.request;
    authorize(request, notification.auth, attempt.token.get());
    const core::SystemTime started_at = clock_.system_now();
    const core::SteadyTime started = clock_.steady_now();
    const Result<http::Response> response = co_await transport_.send(std::move(request));
    attempt.verdict = judge(response, notification, clock_.system_now());
    AttemptRecord record =
        to_record(response, attempt.verdict, attempt.job, notification, attempt.token.get());
    record.started_at = started_at;
    record.duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - started);
    co_return record;
}

AttemptResult Courier::conclude(const Try& attempt, std::vector<AttemptRecord> records) {
    const CalloutJob& job = attempt.job;
    const RetryPosition position{
        .failures = job.failures, .event_at = job.event->received_at, .now = clock_.system_now()};
    const Decision decision =
        decide(attempt.verdict, attempt.notification->record.retry, position, random_);
    AttemptResult result;
    result.update = to_update(job, records.empty() ? job.attempts : job.attempts + 1, decision);
    result.attempts = std::move(records);
    return result;
}

asio::awaitable<AttemptResult> Courier::attempt(CompiledNotificationPtr notification,
                                                CalloutJob job) {
    Try attempt{.notification = std::move(notification),
                .job = std::move(job),
                .request = {},
                .token = nullptr};
    const storage::NotificationRecord& record = attempt.notification->record;
    const core::SystemTime now = clock_.system_now();
    if (is_past_max_age(record.retry, attempt.job.event->received_at, now))
        co_return too_old(attempt.job);
    auto composed = compose(*attempt.notification, *attempt.job.event, attempt.job.id,
                            attempt.job.attempts + 1, now, nullptr);
    if (!composed) {
        attempt.verdict = judge(composed.error(), record, now);
        co_return conclude(attempt, {});
    }
    attempt.request = std::move(*composed);

    const auto* oauth = std::get_if<storage::OauthAuth>(&record.auth);
    if (oauth != nullptr) {
        attempt.token = cached_token(oauth->provider);
        if (!attempt.token) {
            const core::SteadyTime patience = clock_.steady_now() + record.timeout;
            Result<AccessTokenPtr> obtained =
                co_await tokens_.access_token(oauth->provider, patience);
            if (!obtained) co_return parked(attempt.job, *oauth, clock_.system_now());
            attempt.token = std::move(*obtained);
        }
    }

    attempt.request.deadline = clock_.steady_now() + record.timeout;
    std::vector<AttemptRecord> records;
    AttemptRecord first = co_await send(attempt);
    records.push_back(std::move(first));
    if (oauth != nullptr && attempt.verdict.token_refused) {
        const std::int64_t refused = attempt.token->generation;
        Result<AccessTokenPtr> renewed =
            co_await tokens_.renewed_token(oauth->provider, refused, attempt.request.deadline);
        if (renewed && clock_.steady_now() < attempt.request.deadline) {
            attempt.token = std::move(*renewed);
            AttemptRecord again = co_await send(attempt);
            again.resend = true;
            records.push_back(std::move(again));
        }
    }
    co_return conclude(attempt, std::move(records));
}

}  // namespace herald::dispatcher
