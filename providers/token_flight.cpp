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

// What is kept of an answer. Where it brings no refresh token, the one that was presented stays
// (O-117); a set-up presents none: it replaces the grant as a whole.
storage::TokenRecord record_of(ExchangeResult& result) {
    TokenResponse& response = *result.response;
    storage::TokenRecord record;
    record.access_token = std::move(response.access_token);
    record.refresh_token = std::move(response.refresh_token);
    if (!record.refresh_token && result.presented) record.refresh_token = result.presented->clone();
    record.scopes = std::move(response.scopes);
    record.attributes = std::move(response.attributes);
    record.obtained_at = result.obtained_at;
    record.expires_at = result.obtained_at + response.lifetime;
    if (record.refresh_token && response.grant_lifetime)
        record.grant_ends_at = result.obtained_at + *response.grant_lifetime;
    return record;
}

// Whether it spends what is good once: then it must come to its end before we do (O-157).
bool is_good_once(const Flight& flight) {
    return flight.refresh_token != nullptr || flight.setup != nullptr;
}

}  // namespace

namespace asio = boost::asio;
using core::Done;
using core::Error;
using core::ErrorKind;
using core::Result;
using storage::ProviderCondition;

void TokenEngine::start_flight(const SlotPtr& slot) {
    slot->flight = std::make_shared<const Flight>(slot->take_off());
    slot->earliest = clock_.steady_now() + kFlightSpacing;
    hosts_.note_request(slot->configuration->host(), clock_.steady_now());
    asio::co_spawn(executor_, fly(slot, slot->flight), asio::detached);
}

asio::awaitable<Result<PreparedPtr>> TokenEngine::prepare(SlotPtr slot,
                                                          ConfigurationPtr configuration) {
    const auto prepared = std::make_shared<Prepared>(Prepared{.configuration = configuration});
    Result<CredentialFiles> files = co_await read_credential_files(configuration, files_);
    if (!files) co_return files.error();
    prepared->files = std::move(*files);
    if (!configuration->needs_discovery()) co_return prepared;
    ProviderSettings settings = made_ready(*configuration, prepared->files).settings;
    Result<ConfigurationPtr> known = co_await discovered(slot, configuration, std::move(settings));
    if (!known) co_return known.error();
    prepared->configuration = std::move(*known);
    co_return prepared;
}

// A refresh token refused as invalid may have been replaced in the store meanwhile (O-121). The
// fence keeps one of another configuration from being shown.
asio::awaitable<ExchangeResult> TokenEngine::exchange_with_reread(FlightPtr flight,
                                                                  PreparedPtr prepared) {
    ReadyConfiguration ready = made_ready(*prepared->configuration, prepared->files);
    ExchangeInput input{.provider = std::move(ready.record),
                        .settings = std::move(ready.settings),
                        .refresh_token = flight->refresh_token,
                        .setup = flight->setup,
                        .dpop = flight->dpop,
                        .fence = flight->fence,
                        .masking = flight->masking};
    ExchangeResult result = co_await exchange(std::move(input), tools());
    if (result.response || !flight->refresh_token) co_return result;
    if (core::string_member(result.response.error().details, "error") != "invalid_grant")
        co_return result;
    auto stored = store_.token(flight->fence.provider);
    const bool other = stored && *stored && (*stored)->refresh_token &&
                       !(*stored)->refresh_token->equals(*flight->refresh_token);
    if (!other) co_return result;
    ready = made_ready(*prepared->configuration, prepared->files);
    ExchangeInput again{
        .provider = std::move(ready.record),
        .settings = std::move(ready.settings),
        .refresh_token = std::make_shared<const core::Secret>((*stored)->refresh_token->clone()),
        .setup = nullptr,
        .dpop = flight->dpop,
        .fence = flight->fence,
        .masking = flight->masking};
    const int requests = result.requests;
    result = co_await exchange(std::move(again), tools());
    result.requests += requests;
    co_return result;
}

// The stored token may only have waited for its files: then nothing is asked.
bool TokenEngine::answer_with_stored(const SlotPtr& slot, const Flight& flight,
                                     const PreparedPtr& prepared) {
    if (!slot->waits_for_files() || !slot->is_current(flight)) return false;
    slot->show_stored(token_use_of(made_ready(*prepared->configuration, prepared->files)), clock_,
                      random_);
    if (!slot->usable(clock_.steady_now()) || slot->is_asked_by_hand()) return false;
    const Obtained stored{.access = slot->access, .record = slot->token};
    for (Waiter& waiter : slot->take_served_by(flight)) waiter.done(stored);
    return true;
}

asio::awaitable<void> TokenEngine::fly(SlotPtr slot, FlightPtr flight) {
    const auto self = shared_from_this();
    ExchangeResult result{.response = Error{},
                          .requested_at = clock_.steady_now(),
                          .obtained_at = clock_.stored_now()};
    Result<PreparedPtr> prepared = co_await prepare(slot, flight->configuration);
    const bool is_answered = prepared && answer_with_stored(slot, *flight, *prepared);
    const bool asks = prepared && !is_answered && !stopping_;
    const bool holds_the_end = asks && is_good_once(*flight);
    if (holds_the_end) ++unfinished_;
    if (!prepared) {
        result.response = prepared.error();
        prepared =
            std::make_shared<const Prepared>(Prepared{.configuration = flight->configuration});
    }
    if (asks) result = co_await exchange_with_reread(flight, *prepared);
    count(*slot, result);
    // Cut off by our own stop it says nothing about the server.
    const bool cut_off = stopping_ && !result.response;
    if (!is_answered && !cut_off) co_await land(slot, flight, *prepared, std::move(result));
    if (holds_the_end) --unfinished_;
    slot->flight = nullptr;
    if (stopping_ && unfinished_ == 0 && stopped_) stopped_();
    tick(slot);
}

void TokenEngine::count(TokenSlot& slot, const ExchangeResult& result) {
    if (result.requests == 0 && result.response) return;
    const auto took = clock_.steady_now() - result.requested_at;
    slot.counters->request_ms.fetch_add(
        std::chrono::duration_cast<std::chrono::milliseconds>(took).count(),
        std::memory_order_relaxed);
    (result.response ? slot.counters->ok : slot.counters->failed)
        .fetch_add(1, std::memory_order_relaxed);
}

// A write that the store refuses tells of a change before anybody else does.
bool TokenEngine::adopted_change(const SlotPtr& slot, const Error& refusal) {
    const bool moved_on =
        refusal.kind == ErrorKind::kConflict || refusal.kind == ErrorKind::kNotFound;
    return moved_on && reload(slot->record().id).has_value();
}

asio::awaitable<void> TokenEngine::land(SlotPtr slot, FlightPtr flight, PreparedPtr prepared,
                                        ExchangeResult result) {
    if (!result.response) {
        Error error = result.response.error();
        const bool overtaken = adopted_change(slot, error) || !slot->is_current(*flight);
        if (!overtaken) co_await land_failure(slot, flight, std::move(error), std::move(result));
        co_return;
    }
    if (slot->is_current(*flight)) {
        co_await land_token(slot, flight, prepared, std::move(result));
        co_return;
    }
    const auto late = std::make_shared<const storage::TokenRecord>(record_of(result));
    co_await land_late(slot, prepared, result.presented, late);
}

asio::awaitable<void> TokenEngine::land_failure(SlotPtr slot, FlightPtr flight, Error error,
                                                ExchangeResult result) {
    if (flight->setup) {  // what the provider had before is as good as it was
        fail(*slot, slot->take_waiters_of(*flight), error);
        co_return;
    }
    if (error.kind == ErrorKind::kThrottled && error.retry_after) {
        hosts_.pause(slot->configuration->host(), clock_.steady_now() + *error.retry_after);
    }
    const ProviderCondition before = slot->condition;
    slot->condition = slot->note_failure(error, clock_.steady_now(), random_);
    slot->last_error = to_provider_error(error, clock_.stored_now());
    const bool changed = before != slot->condition;
    core::log(changed ? core::LogLevel::kWarning : core::LogLevel::kInformation,
              "token_request_failed", {{"provider", slot->name()}, {"error", error.message}});
    if (changed) {
        core::log(core::LogLevel::kWarning, "provider_state_changed",
                  {{"provider", slot->name()}, {"condition", storage::to_string(slot->condition)}});
    }
    storage::TokenOutcome outcome{.fence = flight->fence,
                                  .token = std::nullopt,
                                  .condition = slot->condition,
                                  .last_error = slot->last_error,
                                  .requests = result.requests};
    const Result<> saved = co_await save(std::move(outcome));
    if (!saved && adopted_change(slot, saved.error())) co_return;
    if (!saved)
        core::log(core::LogLevel::kError, "provider_state_not_saved",
                  {{"error", saved.error().message}});
    // Who waits for another configuration by now is not concerned.
    if (slot->is_current(*flight)) fail(*slot, slot->take_waiters_of(*flight), error);
}

asio::awaitable<void> TokenEngine::land_token(SlotPtr slot, FlightPtr flight, PreparedPtr prepared,
                                              ExchangeResult result) {
    const std::chrono::milliseconds lifetime = result.response->lifetime;
    const std::vector<std::string> warnings = result.response->warnings;
    const auto use = token_use_of(made_ready(*prepared->configuration, prepared->files));
    const Obtained obtained =
        slot->made_usable(record_of(result), *flight, use, result.requested_at, lifetime, random_);
    storage::TokenOutcome outcome{.fence = flight->fence,
                                  .token = obtained.record->clone(),
                                  .condition = ProviderCondition::kOk,
                                  .last_error = std::nullopt,
                                  .requests = result.requests};
    // It is the number of a place in a list that may be another one by now.
    if (slot->configuration == prepared->configuration)
        outcome.secret_in_use = result.secret_in_use;
    if (lifetime.count() == 0)
        outcome.token->access_token.reset();  // serves those who wait, and nobody later
    const std::optional<int> secret_in_use = outcome.secret_in_use;
    const Result<> saved = co_await save_patiently(slot, std::move(outcome));
    if (!saved && adopted_change(slot, saved.error())) {
        co_await land_late(slot, prepared, result.presented, obtained.record);
        co_return;
    }
    if (!saved) {
        Error error = saved.error();
        static_cast<void>(slot->note_failure(error, clock_.steady_now(), random_));
        fail(*slot, slot->take_waiters_of(*flight), error);
        co_return;
    }
    if (!slot->is_current(*flight)) {
        co_await land_late(slot, prepared, result.presented, obtained.record);
        co_return;
    }
    if (secret_in_use && slot->configuration == prepared->configuration) {
        slot->configuration = slot->configuration->with_secret_in_use(*secret_in_use);
        core::log(core::LogLevel::kWarning, "other_secret_works",
                  {{"provider", slot->name()}, {"secret", *secret_in_use}});
    }
    const bool was_down = slot->condition != ProviderCondition::kOk || slot->wanted;
    slot->note_success();
    slot->put(obtained, lifetime, clock_, random_);
    boost::json::object fields{
        {"provider", slot->name()},
        {"generation", obtained.record->generation},
        {"expires_at", core::format_time(clock_.on_the_wall(obtained.record->expires_at))},
        {"fingerprint", obtained.record->access_token->fingerprint()}};
    if (!warnings.empty())
        fields["warnings"] = boost::json::array(warnings.begin(), warnings.end());
    core::log(core::LogLevel::kInformation, "token_obtained", fields);
    for (Waiter& waiter : slot->take_served_by(*flight)) waiter.done(obtained);
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
                                   .secret_in_use = outcome.secret_in_use};
        const Result<> saved = co_await save(std::move(copy));
        const bool passing = !saved && saved.error().kind == ErrorKind::kTransient;
        if (!passing || tries == kSaveTries || slot->gone) co_return saved;
        core::log(core::LogLevel::kError, "token_not_saved_yet",
                  {{"error", saved.error().message}});
        co_await pause(kSavePause);
    }
}

asio::awaitable<Result<bool>> TokenEngine::keep_rotated(SlotPtr slot, const core::Secret& presented,
                                                        const core::Secret& successor) {
    for (int tries = 1;; ++tries) {
        auto kept = std::make_shared<std::pair<core::Secret, core::Secret>>(presented.clone(),
                                                                            successor.clone());
        auto start = [this, kept, id = slot->record().id](Done<bool> done) {
            store_.replace_refresh_token(id, std::move(kept->first), std::move(kept->second),
                                         std::move(done));
        };
        const Result<bool> saved = co_await core::await_done<bool>(std::move(start));
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

asio::awaitable<void> TokenEngine::land_late(SlotPtr slot, PreparedPtr prepared,
                                             std::shared_ptr<const core::Secret> presented,
                                             std::shared_ptr<const storage::TokenRecord> late) {
    core::log(core::LogLevel::kInformation, "late_token_discarded", {{"provider", slot->name()}});
    const bool rotated =
        presented && late->refresh_token && !late->refresh_token->equals(*presented);
    if (rotated) {
        const Result<bool> kept = co_await keep_rotated(slot, *presented, *late->refresh_token);
        if (!kept)
            core::log(core::LogLevel::kError, "refresh_token_not_saved",
                      {{"provider", slot->name()}, {"error", kept.error().message}});
        if (kept && *kept) slot->follow_rotation(*presented, *late->refresh_token);
    }
    // After a revoke it is itself revoked (O-136).
    if (slot->condition == ProviderCondition::kRevoked)
        revoke_late(slot, *prepared->configuration, *late);
}

void TokenEngine::revoke_late(const SlotPtr& slot, const Configuration& issued_under,
                              const storage::TokenRecord& token) {
    if (slot->gone) return;
    for (storage::PendingRevocation& pending :
         revocations_of(issued_under, token, clock_.stored_now())) {
        store_.queue_revocation(std::move(pending), [weak = weak_from_this()](const Result<>&) {
            const auto self = weak.lock();
            if (self) asio::post(self->executor_, [self] { self->revoker_.resume(); });
        });
    }
}

}  // namespace herald::providers
