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
constexpr std::chrono::seconds kPauseWhenShort{5};

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
        if (response->body_truncated && !record.error) record.error = "body_truncated";
        record.response_excerpt =
            mask_credentials(response->body, notification, token).substr(0, kExcerptBytes);
    }
    return record;
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

AttemptResult parked(const CalloutJob& job, const storage::NotificationRecord& notification,
                     const storage::OauthAuth& auth, core::SystemTime now) {
    AttemptResult result;
    result.parked = true;
    result.update = {.id = job.id,
                     .notification = notification.id,
                     .state = storage::CalloutState::kPending,
                     .reason = "auth_unavailable:" + auth.provider_name,
                     .due_at = now,
                     .attempts = job.attempts,
                     .failures = job.failures};
    return result;
}

// No request left, so no attempt is spent.
AttemptResult short_of_resources(const CalloutJob& job,
                                 const storage::NotificationRecord& notification,
                                 core::SystemTime now) {
    AttemptResult result;
    result.update = {.id = job.id,
                     .notification = notification.id,
                     .state = storage::CalloutState::kPending,
                     .reason = "local_limit",
                     .due_at = now + kPauseWhenShort,
                     .attempts = job.attempts,
                     .failures = job.failures};
    return result;
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
                     .failures = job.failures};
    return result;
}

}  // namespace

// What an attempt works with, and what its last request came to.
struct Courier::Try {
    CompiledNotificationPtr notification;
    CalloutJob job;
    AccessTokenPtr token;
    core::SteadyTime deadline{};
    Verdict verdict = {};

    [[nodiscard]] Result<http::Request> compose(core::SystemTime now) const {
        return dispatcher::compose(*notification, *job.event, job.id, job.attempts + 1, now,
                                   nullptr);
    }
};

Courier::Courier(http::Transport& transport, providers::TokenManager& tokens, core::Clock& clock,
                 core::Random& random)
    : transport_(transport), tokens_(tokens), clock_(clock), random_(random) {}

AccessTokenPtr Courier::cached_token(core::ProviderId provider) {
    providers::TokenReader& reader = readers_[provider];
    if (!reader) reader = tokens_.reader(provider);
    return reader.read(clock_.steady_now());
}

asio::awaitable<AttemptRecord> Courier::send(Try& attempt, http::Request request) {
    const storage::NotificationRecord& notification = attempt.notification->record;
    request.deadline = attempt.deadline;
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
    const int attempts = records.empty() ? job.attempts : job.attempts + 1;
    result.update = to_update(job, attempt.notification->record.id, attempts, decision);
    if (!records.empty()) result.receiver = attempt.verdict.receiver;
    result.attempts = std::move(records);
    return result;
}

asio::awaitable<AttemptResult> Courier::attempt(CompiledNotificationPtr notification,
                                                CalloutJob job) {
    Try attempt{.notification = std::move(notification), .job = std::move(job), .token = nullptr};
    const storage::NotificationRecord& record = attempt.notification->record;
    const core::SystemTime now = clock_.system_now();
    if (is_past_max_age(record.retry, attempt.job.event->received_at, now))
        co_return too_old(attempt.job, record);
    Result<http::Request> request = attempt.compose(now);
    if (!request) {
        attempt.verdict = judge(request.error(), record, now);
        co_return conclude(attempt, {});
    }

    const auto* oauth = std::get_if<storage::OauthAuth>(&record.auth);
    if (oauth != nullptr) {
        attempt.token = cached_token(oauth->provider);
        if (!attempt.token) {
            const core::SteadyTime patience = clock_.steady_now() + record.timeout;
            Result<AccessTokenPtr> obtained =
                co_await tokens_.access_token(oauth->provider, patience);
            if (!obtained) co_return parked(attempt.job, record, *oauth, clock_.system_now());
            attempt.token = std::move(*obtained);
        }
    }

    attempt.deadline = clock_.steady_now() + record.timeout;
    std::vector<AttemptRecord> records;
    AttemptRecord first = co_await send(attempt, std::move(*request));
    if (attempt.verdict.short_of_resources)
        co_return short_of_resources(attempt.job, record, clock_.system_now());
    records.push_back(std::move(first));
    if (oauth != nullptr && attempt.verdict.token_refused) {
        const std::int64_t refused = attempt.token->generation;
        Result<AccessTokenPtr> renewed =
            co_await tokens_.renewed_token(oauth->provider, refused, attempt.deadline);
        // Composed anew rather than copied for every first try: a 401 is rare.
        if (renewed) request = attempt.compose(clock_.system_now());
        if (renewed && request && clock_.steady_now() < attempt.deadline) {
            attempt.token = std::move(*renewed);
            const Verdict first_verdict = attempt.verdict;
            AttemptRecord again = co_await send(attempt, std::move(*request));
            again.resend = true;
            if (attempt.verdict.short_of_resources) {
                attempt.verdict = first_verdict;  // nothing left a second time
            } else {
                records.push_back(std::move(again));
            }
        }
    }
    co_return conclude(attempt, std::move(records));
}

}  // namespace herald::dispatcher
