// One token request and its landing (docs/tokens.md).
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "core/json.h"
#include "core/log.h"
#include "core/time_text.h"
#include "providers/grant.h"
#include "providers/slot_errors.h"
#include "providers/token_engine.h"

namespace herald::providers {
namespace {

constexpr std::chrono::seconds kFlightSpacing{1};
constexpr std::chrono::seconds kSavePause{1};
constexpr int kSaveTries = 60;

// What is kept of an answer; where it brought no refresh token the one before stays (O-117).
storage::TokenRecord record_of(ExchangeResult& result, const storage::TokenRecord* before) {
    TokenResponse& response = *result.response;
    storage::TokenRecord record;
    record.access_token = std::move(response.access_token);
    record.refresh_token = std::move(response.refresh_token);
    if (!record.refresh_token && before != nullptr && before->refresh_token) {
        record.refresh_token = before->refresh_token->clone();
    }
    record.scopes = std::move(response.scopes);
    record.attributes = std::move(response.attributes);
    record.obtained_at = result.obtained_at;
    record.expires_at = result.obtained_at + response.lifetime;
    return record;
}

}  // namespace

namespace asio = boost::asio;
using core::Done;
using core::Error;
using core::ErrorKind;
using core::Result;
using storage::ProviderCondition;

void TokenEngine::start_flight(const SlotPtr& slot) {
    slot->flying = true;
    slot->rotating = find_grant(slot->record.grant_type)->uses_refresh_token;
    slot->earliest = clock_.steady_now() + kFlightSpacing;
    hosts_.note_request(slot->host, clock_.steady_now());
    if (slot->rotating) ++rotations_;
    asio::co_spawn(executor_, fly(slot), asio::detached);
}

ExchangeInput TokenEngine::input_of(const TokenSlot& slot,
                                    std::optional<core::Secret> refresh_token) const {
    return {.provider = slot.record.clone(),
            .settings = slot.settings,
            .refresh_token = std::move(refresh_token),
            .setup = slot.setup,
            .dpop = slot.dpop,
            .fence = slot.fence()};
}

// A refresh token refused as invalid may have been replaced in the store meanwhile (O-121).
asio::awaitable<ExchangeResult> TokenEngine::exchange_with_reread(const SlotPtr& slot) {
    std::optional<core::Secret> refresh_token;
    if (slot->rotating && slot->token && slot->token->refresh_token) {
        refresh_token = slot->token->refresh_token->clone();
    }
    std::string presented = refresh_token ? refresh_token->fingerprint() : "";
    ExchangeInput input = input_of(*slot, std::move(refresh_token));
    const bool sets_up = input.setup != nullptr;
    slot->setup.reset();  // a code is good once
    ExchangeResult result = co_await exchange(std::move(input), tools());
    result.of_setup = sets_up;
    if (result.response || presented.empty() || sets_up) co_return result;
    if (core::string_member(result.response.error().details, "error") != "invalid_grant")
        co_return result;
    auto stored = store_.token(slot->record.id);
    const bool other = stored && *stored && (*stored)->refresh_token &&
                       (*stored)->refresh_token->fingerprint() != presented;
    if (!other) co_return result;
    ExchangeInput again = input_of(*slot, (*stored)->refresh_token->clone());
    const int requests = result.requests;
    result = co_await exchange(std::move(again), tools());
    result.requests += requests;
    co_return result;
}

asio::awaitable<void> TokenEngine::fly(SlotPtr slot) {
    const auto self = shared_from_this();
    const storage::TokenFence fence = slot->fence();
    ExchangeResult result{.response = Error{},
                          .requested_at = clock_.steady_now(),
                          .obtained_at = clock_.system_now()};
    const Result<> known = co_await know_endpoints(slot);
    if (known) {
        result = co_await exchange_with_reread(slot);
    } else {
        result.response = known.error();
    }
    const auto took = clock_.steady_now() - result.requested_at;
    slot->counters->request_ms.fetch_add(
        std::chrono::duration_cast<std::chrono::milliseconds>(took).count(),
        std::memory_order_relaxed);
    (result.response ? slot->counters->ok : slot->counters->failed)
        .fetch_add(1, std::memory_order_relaxed);
    const bool cut_off =
        stopping_ && !result.response;  // by our own stop: it says nothing about the server
    if (!cut_off) co_await land(slot, fence, std::move(result));
    if (slot->rotating) --rotations_;
    slot->flying = slot->rotating = false;
    if (stopping_ && rotations_ == 0 && stopped_) stopped_();
    tick(slot);
}

asio::awaitable<void> TokenEngine::land(SlotPtr slot, storage::TokenFence fence,
                                        ExchangeResult result) {
    const bool overtaken = slot->gone || slot->fence().config_version != fence.config_version ||
                           slot->fence().invalidation_epoch != fence.invalidation_epoch;
    if (overtaken && !result.response) co_return;
    if (overtaken) {
        const storage::TokenRecord late = record_of(result, nullptr);
        discard(slot, late);
        co_return;
    }
    if (result.response) {
        co_await land_token(std::move(slot), fence, std::move(result));
        co_return;
    }
    Error error = result.response.error();
    const ProviderCondition before = slot->record.condition;
    if (result.of_setup) {  // what the provider had before is as good as it was
        fail_waiters(slot, error);
        co_return;
    }
    if (error.kind == ErrorKind::kThrottled && error.retry_after)
        hosts_.pause(slot->host, clock_.steady_now() + *error.retry_after);
    const ProviderCondition condition = slot->note_failure(error, clock_.steady_now(), random_);
    slot->record.condition = condition;
    slot->record.last_error = to_provider_error(error, clock_.system_now());
    boost::json::object fields{{"provider", slot->record.name}, {"error", error.message}};
    const bool changed = before != condition;
    core::log(changed ? core::LogLevel::kWarning : core::LogLevel::kInformation,
              "token_request_failed", fields);
    if (changed) {
        core::log(core::LogLevel::kWarning, "provider_state_changed",
                  {{"provider", slot->record.name}, {"condition", storage::to_string(condition)}});
    }
    storage::TokenOutcome outcome{.fence = fence,
                                  .token = std::nullopt,
                                  .condition = condition,
                                  .last_error = slot->record.last_error,
                                  .requests = result.requests};
    const Result<> saved = co_await save(std::move(outcome));
    if (!saved)
        core::log(core::LogLevel::kError, "provider_state_not_saved",
                  {{"error", saved.error().message}});
    fail_waiters(slot, error);
}

asio::awaitable<void> TokenEngine::land_token(SlotPtr slot, storage::TokenFence fence,
                                              ExchangeResult result) {
    const std::chrono::milliseconds lifetime = result.response->lifetime;
    if (result.secret_in_use) {
        slot->record.secret_in_use = *result.secret_in_use;
        core::log(core::LogLevel::kWarning, "other_secret_works",
                  {{"provider", slot->record.name}, {"secret", *result.secret_in_use}});
    }
    const std::vector<std::string> warnings = result.response->warnings;
    storage::TokenRecord record = record_of(result, slot->token.get());
    // A certificate in a file may be another one by now, and the token is bound to that.
    if (!slot->settings.certificate_path.empty()) static_cast<void>(slot->derive());
    const Obtained obtained =
        slot->install(std::move(record), result.requested_at, lifetime, random_);

    storage::TokenOutcome outcome{.fence = fence,
                                  .token = obtained.record->clone(),
                                  .condition = ProviderCondition::kOk,
                                  .last_error = std::nullopt,
                                  .requests = result.requests,
                                  .secret_in_use = result.secret_in_use};
    if (lifetime.count() == 0)
        outcome.token->access_token.reset();  // serves those who wait, and nobody later
    const Result<> saved = co_await save_patiently(slot, std::move(outcome));
    if (!saved && saved.error().kind == ErrorKind::kConflict) {
        discard(slot, *obtained.record);  // revoked or changed while it was being stored
        co_return;
    }
    if (!saved) {
        Error error = saved.error();
        static_cast<void>(slot->note_failure(error, clock_.steady_now(), random_));
        fail_waiters(slot, error);
        co_return;
    }
    const bool was_down = slot->record.condition != ProviderCondition::kOk || slot->wanted;
    slot->note_success();
    slot->pending_setup.reset();
    slot->token = obtained.record;
    slot->access = lifetime.count() == 0 ? nullptr : obtained.access;
    slot->cell->publish(slot->record.enabled ? slot->access : nullptr);
    boost::json::object fields{{"provider", slot->record.name},
                               {"generation", obtained.record->generation},
                               {"expires_at", core::format_time(obtained.record->expires_at)},
                               {"fingerprint", obtained.record->access_token->fingerprint()}};
    if (!warnings.empty())
        fields["warnings"] = boost::json::array(warnings.begin(), warnings.end());
    core::log(core::LogLevel::kInformation, "token_obtained", fields);
    for (Waiter& waiter : std::exchange(slot->waiters, {})) waiter.done(obtained);
    if (was_down) recovered(slot);
}

asio::awaitable<Result<>> TokenEngine::save(storage::TokenOutcome outcome) {
    auto kept = std::make_shared<storage::TokenOutcome>(std::move(outcome));
    auto start = [this, kept](Done<> done) {
        store_.save_token_outcome(std::move(*kept), std::move(done));
    };
    co_return co_await core::await_done<void>(std::move(start));
}

// A server that rotates has forgotten the old refresh token: a locked or full disk must not lose
// the new one.
asio::awaitable<Result<>> TokenEngine::save_patiently(SlotPtr slot, storage::TokenOutcome outcome) {
    for (int tries = 1;; ++tries) {
        storage::TokenOutcome copy{.fence = outcome.fence,
                                   .token = outcome.token->clone(),
                                   .condition = outcome.condition,
                                   .last_error = outcome.last_error,
                                   .requests = outcome.requests,
                                   .secret_in_use = outcome.secret_in_use,
                                   .metadata = outcome.metadata};
        const Result<> saved = co_await save(std::move(copy));
        const bool passing = !saved && saved.error().kind == ErrorKind::kTransient;
        if (!passing || tries == kSaveTries || slot->gone) co_return saved;
        core::log(core::LogLevel::kError, "token_not_saved_yet",
                  {{"error", saved.error().message}});
        co_await pause(kSavePause);
    }
}

asio::awaitable<void> TokenEngine::pause(std::chrono::milliseconds length) {
    const std::unique_ptr<core::Timer> timer = clock_.make_timer(executor_);
    timer->expires_at(clock_.steady_now() + length);
    co_await timer->wait();
}

// The answer came after a revoke or a change: it must never be used. After a revoke it is itself
// revoked (O-136).
void TokenEngine::discard(const SlotPtr& slot, const storage::TokenRecord& token) {
    core::log(core::LogLevel::kInformation, "late_token_discarded",
              {{"provider", slot->record.name}});
    if (slot->gone || !slot->record.revocation_endpoint) return;
    if (slot->record.condition != ProviderCondition::kRevoked) return;
    for (storage::PendingRevocation& pending :
         revocations_of(slot->record.id, token, clock_.system_now())) {
        store_.queue_revocation(std::move(pending), [weak = weak_from_this()](const Result<>&) {
            const auto self = weak.lock();
            if (self) asio::post(self->executor_, [self] { self->revoker_.resume(); });
        });
    }
}

}  // namespace herald::providers
