// One token request and its landing (docs/tokens.md).
#include <algorithm>
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

// How its token is shown now. An edit that shapes no token may have changed that meanwhile: then it
// is as the slot has it, null where that needs files that this flight has not read.
std::shared_ptr<const TokenUse> use_at_landing(const TokenSlot& slot, const Prepared& prepared) {
    if (slot.configuration != prepared.configuration) return slot.use;
    return token_use_of(made_ready(*prepared.configuration, prepared.files));
}

storage::TokenOutcome copy_of(const storage::TokenOutcome& outcome) {
    return {.fence = outcome.fence,
            .token = outcome.token->clone(),
            .condition = outcome.condition,
            .last_error = outcome.last_error,
            .requests = outcome.requests,
            .secret_in_use = outcome.secret_in_use,
            .keeps_refresh_note = outcome.keeps_refresh_note};
}

storage::PendingRevocation copy_of(const storage::PendingRevocation& pending) {
    storage::PendingRevocation copy;
    copy.provider = pending.provider;
    copy.token = pending.token.clone();
    copy.token_type_hint = pending.token_type_hint;
    copy.next_try_at = pending.next_try_at;
    copy.give_up_at = pending.give_up_at;
    copy.issued_by = pending.issued_by;
    return copy;
}

void log_obtained(const TokenSlot& slot, const storage::TokenRecord& token,
                  const std::vector<std::string>& warnings, const core::Clock& clock) {
    boost::json::object fields{
        {"provider", slot.name()},
        {"generation", token.generation},
        {"expires_at", core::format_time(clock.on_the_wall(token.expires_at))},
        {"fingerprint", token.access_token->fingerprint()}};
    if (!warnings.empty())
        fields["warnings"] = boost::json::array(warnings.begin(), warnings.end());
    core::log(core::LogLevel::kInformation, "token_obtained", fields);
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

asio::awaitable<bool> TokenEngine::answer_with_stored(SlotPtr slot, FlightPtr flight,
                                                      PreparedPtr prepared) {
    if (!slot->is_current(*flight)) co_return true;
    if (!slot->waits_for_files()) co_return false;
    // Edited while its files were read: the next flight reads those of now.
    if (slot->configuration != prepared->configuration) co_return !slot->is_asked_by_hand();
    slot->show_stored(token_use_of(made_ready(*prepared->configuration, prepared->files)), clock_,
                      random_);
    if (!slot->usable(clock_.steady_now())) co_return false;
    const Obtained stored{.access = slot->access, .record = slot->token};
    for (Waiter& waiter : slot->take_served_by_stored()) waiter.done(stored);
    co_await note_stored_shown(slot, flight);
    if (!slot->is_current(*flight)) co_return true;
    // A set-up goes in a flight of its own; whoever else is left wants a new one.
    co_return !flight->setup && std::all_of(slot->waiters.begin(), slot->waiters.end(),
                                            [](const Waiter& one) { return one.setup != nullptr; });
}

asio::awaitable<void> TokenEngine::note_stored_shown(SlotPtr slot, FlightPtr flight) {
    const bool was_down = slot->condition != ProviderCondition::kOk;
    if (!was_down && !slot->wanted) co_return;
    slot->note_success();
    recovered(slot);
    if (!was_down) co_return;
    storage::TokenOutcome outcome{.fence = flight->fence, .keeps_refresh_note = true};
    const Result<> saved = co_await save(std::move(outcome));
    if (!saved && !adopted_change(slot, saved.error()))
        core::log(core::LogLevel::kError, "provider_state_not_saved",
                  {{"error", saved.error().message}});
}

asio::awaitable<void> TokenEngine::fly(SlotPtr slot, FlightPtr flight) {
    const auto self = shared_from_this();
    ExchangeResult result{.response = Error{},
                          .requested_at = clock_.steady_now(),
                          .obtained_at = clock_.stored_now()};
    Result<PreparedPtr> prepared = co_await prepare(slot, flight->configuration);
    bool is_over = false;
    if (prepared) is_over = co_await answer_with_stored(slot, flight, *prepared);
    const bool asks = prepared && !is_over && !stopping_;
    const bool holds_the_end = asks && is_good_once(*flight);
    if (holds_the_end) ++unfinished_;
    if (!prepared) {
        result.response = prepared.error();
        prepared =
            std::make_shared<const Prepared>(Prepared{.configuration = flight->configuration});
    }
    if (asks) result = co_await exchange_with_reread(flight, *prepared);
    if (!is_over) count(*slot, result);
    // Cut off by our own stop it says nothing about the server.
    const bool cut_off = stopping_ && !result.response;
    if (!is_over && !cut_off) co_await land(slot, flight, *prepared, std::move(result));
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
    const auto token = std::make_shared<const storage::TokenRecord>(record_of(result));
    const Landed late{.token = token, .presented = result.presented};
    co_await land_late(slot, prepared, late);
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
                                  .requests = result.requests,
                                  .keeps_refresh_note = result.requests == 0};
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
    const TokenLife life{.requested_at = result.requested_at, .length = result.response->lifetime};
    const std::vector<std::string> warnings = result.response->warnings;
    const Landed landed{.token = slot->numbered(record_of(result), *flight),
                        .presented = result.presented};
    storage::TokenOutcome outcome{.fence = flight->fence,
                                  .token = landed.token->clone(),
                                  .condition = ProviderCondition::kOk,
                                  .last_error = std::nullopt,
                                  .requests = result.requests};
    // It is the number of a place in a list that may be another one by now.
    if (slot->configuration == prepared->configuration)
        outcome.secret_in_use = result.secret_in_use;
    if (life.length.count() == 0)
        outcome.token->access_token.reset();  // serves those who wait, and nobody later
    const std::optional<int> secret_in_use = outcome.secret_in_use;
    const Result<> saved = co_await save_token(slot, std::move(outcome));
    if (!saved) {
        co_await land_unsaved(slot, flight, prepared, landed, saved.error());
        co_return;
    }
    if (!slot->is_current(*flight)) {
        co_await land_late(slot, prepared, landed);
        co_return;
    }
    const std::shared_ptr<const TokenUse> use = use_at_landing(*slot, *prepared);
    if (secret_in_use && slot->configuration == prepared->configuration) {
        slot->configuration = slot->configuration->with_secret_in_use(*secret_in_use);
        core::log(core::LogLevel::kWarning, "other_secret_works",
                  {{"provider", slot->name()}, {"secret", *secret_in_use}});
    }
    const bool was_down = slot->condition != ProviderCondition::kOk || slot->wanted;
    slot->note_success();
    const Obtained obtained = slot->put(landed.token, *flight, use, life, clock_, random_);
    log_obtained(*slot, *obtained.record, warnings, clock_);
    for (Waiter& waiter : slot->take_served_by(*flight, obtained)) waiter.done(obtained);
    // Without a use it waits for the next flight, which reads the files and tells those who wait.
    if (!obtained.access) slot->wanted = true;
    if (obtained.access && was_down) recovered(slot);
}

asio::awaitable<void> TokenEngine::land_unsaved(SlotPtr slot, FlightPtr flight,
                                                PreparedPtr prepared, Landed landed, Error error) {
    if (adopted_change(slot, error)) {
        co_await land_late(slot, prepared, landed);
        co_return;
    }
    core::log(core::LogLevel::kError, "token_not_saved",
              {{"provider", slot->name()},
               {"refresh_token_kept_in_memory", landed.rotates()},
               {"error", error.message}});
    // The server knows no other any more. It is not presented before the store takes a note of it.
    if (landed.rotates()) slot->follow_rotation(*landed.presented, *landed.token->refresh_token);
    static_cast<void>(slot->note_failure(error, clock_.steady_now(), random_));
    fail(*slot, slot->take_waiters_of(*flight), error);
}

asio::awaitable<Result<>> TokenEngine::save(storage::TokenOutcome outcome) {
    auto kept = std::make_shared<storage::TokenOutcome>(std::move(outcome));
    auto start = [this, kept](Done<> done) {
        store_.save_token_outcome(std::move(*kept), std::move(done));
    };
    co_return co_await core::await_done<void>(std::move(start));
}

template <class T>
asio::awaitable<Result<T>> TokenEngine::save_patiently(SlotPtr slot,
                                                       std::function<void(Done<T>)> write) {
    for (int tries = 1;; ++tries) {
        auto start = write;
        Result<T> saved = co_await core::await_done<T>(std::move(start));
        const bool passing = !saved && saved.error().kind == ErrorKind::kTransient;
        if (!passing || tries == kSaveTries || slot->gone) co_return saved;
        core::log(core::LogLevel::kError, "token_not_saved_yet",
                  {{"error", saved.error().message}});
        co_await pause(kSavePause);
    }
}

asio::awaitable<Result<>> TokenEngine::save_token(SlotPtr slot, storage::TokenOutcome outcome) {
    const auto kept = std::make_shared<const storage::TokenOutcome>(std::move(outcome));
    std::function<void(Done<>)> write = [this, kept](Done<> done) {
        store_.save_token_outcome(copy_of(*kept), std::move(done));
    };
    Result<> saved = co_await save_patiently<void>(slot, std::move(write));
    co_return saved;
}

asio::awaitable<Result<bool>> TokenEngine::keep_rotated(SlotPtr slot, const core::Secret& presented,
                                                        const core::Secret& successor) {
    std::function<void(Done<bool>)> write = [this, id = slot->record().id, &presented,
                                             &successor](Done<bool> done) {
        store_.replace_refresh_token(id, presented.clone(), successor.clone(), std::move(done));
    };
    Result<bool> kept = co_await save_patiently<bool>(slot, std::move(write));
    co_return kept;
}

asio::awaitable<void> TokenEngine::pause(std::chrono::milliseconds length) {
    const std::unique_ptr<core::Timer> timer = clock_.make_timer(executor_);
    timer->expires_at(clock_.steady_now() + length);
    co_await timer->wait();
}

asio::awaitable<void> TokenEngine::land_late(SlotPtr slot, PreparedPtr prepared, Landed late) {
    core::log(core::LogLevel::kInformation, "late_token_discarded", {{"provider", slot->name()}});
    if (late.rotates()) {
        const core::Secret& successor = *late.token->refresh_token;
        const Result<bool> kept = co_await keep_rotated(slot, *late.presented, successor);
        if (!kept)
            core::log(core::LogLevel::kError, "refresh_token_not_saved",
                      {{"provider", slot->name()}, {"error", kept.error().message}});
        // Also where it is not kept, or was before: the server knows no other any more.
        slot->follow_rotation(*late.presented, successor);
    }
    // After a revoke it is itself revoked (O-136).
    if (slot->condition == ProviderCondition::kRevoked)
        co_await revoke_late(slot, prepared->configuration, late.token);
}

asio::awaitable<void> TokenEngine::revoke_late(SlotPtr slot, ConfigurationPtr issued_under,
                                               TokenRecordPtr token) {
    std::vector<storage::PendingRevocation> all =
        revocations_of(*issued_under, *token, clock_.stored_now());
    for (storage::PendingRevocation& pending : all) {
        const auto kept = std::make_shared<const storage::PendingRevocation>(std::move(pending));
        std::function<void(Done<>)> write = [this, kept](Done<> done) {
            store_.queue_revocation(copy_of(*kept), std::move(done));
        };
        const Result<> queued = co_await save_patiently<void>(slot, std::move(write));
        if (!queued)
            core::log(core::LogLevel::kError, "revocation_not_queued",
                      {{"provider", slot->name()},
                       {"token", kept->token_type_hint},
                       {"error", queued.error().message}});
        revoker_.resume();
    }
}

}  // namespace herald::providers
