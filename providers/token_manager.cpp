#include "providers/token_manager.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <future>

#include "core/log.h"
#include "core/time_text.h"
#include "providers/grant.h"
#include "providers/provider_rules.h"
#include "providers/revoker.h"
#include "providers/token_exchange.h"
#include "providers/token_request.h"
#include "providers/token_slot.h"

namespace herald::providers {
namespace {

namespace asio = boost::asio;
using core::Done;
using core::Error;
using core::ErrorKind;
using core::Result;
using storage::ProviderCondition;

constexpr std::chrono::seconds kFlightSpacing{1};
constexpr std::chrono::hours kRefreshTokenRevocationPatience{24 * 7};

Error unavailable(const TokenSlot& slot, std::string error_class) {
    Error error{.kind = ErrorKind::kTransient,
                .code = "auth_unavailable",
                .message = "provider '" + slot.record.name + "' gives no token now (" + error_class + ")",
                .details = {}};
    error.details["class"] = error_class;
    error.details["provider"] = slot.record.name;
    return error;
}

Error disabled(const TokenSlot& slot) {
    return {.kind = ErrorKind::kConflict,
            .code = "provider_disabled",
            .message = "provider '" + slot.record.name + "' is disabled; enable it with `herald provider enable " +
                       slot.record.name + "`"};
}

Error endpoint_missing(const TokenSlot& slot, std::string_view field, std::string_view flag) {
    Error error{.kind = ErrorKind::kInvalidArgument,
                .code = "endpoint_missing",
                .message = "provider '" + slot.record.name + "' has no " + std::string(field) + "; set it with `herald "
                           "provider edit " + slot.record.name + " " + std::string(flag) + " URL`",
                .details = {}};
    error.details["field"] = field;
    return error;
}

Error no_token(const TokenSlot& slot) {
    return {.kind = ErrorKind::kConflict,
            .code = "no_token",
            .message = "provider '" + slot.record.name + "' has no token; obtain one first with `herald token obtain " +
                       slot.record.name + "`"};
}

TokenTestResult judge_test(const Result<http::Response>& response, std::chrono::milliseconds latency) {
    TokenTestResult result{.ok = std::nullopt, .verdict = "inconclusive", .status = std::nullopt, .latency = latency};
    if (!response) return result;
    result.status = response->status;
    if (response->status >= 200 && response->status < 300) {
        result.ok = true;
        result.verdict = "accepted";
    } else if (response->status == 401) {
        result.ok = false;
        result.verdict = "rejected";
    } else if (response->status == 403) {
        result.ok = false;
        result.verdict = "forbidden";
    }
    return result;
}

}  // namespace

// Lives on the token thread but for `mutex_`'s data. Callbacks hold it weakly, flights strongly.
class TokenManager::Impl final : public std::enable_shared_from_this<Impl> {
public:
    Impl(storage::Store& store, http::Transport& transport, core::Clock& clock, core::Random& random,
         asio::any_io_executor executor)
        : store_(store),
          transport_(transport),
          clock_(clock),
          random_(random),
          executor_(executor),
          revoker_(store, transport, clock, executor, [this](core::ProviderId id) { return find(id); }) {}

    Result<> load();
    void begin();
    void stop(std::function<void()> stopped);

    // Runs `action` with the provider's slot on the token thread, or fails `done` with not_found.
    template <class T, class Action>
    void with_slot(core::ProviderId id, Done<T> done, Action action) {
        asio::post(executor_, [self = shared_from_this(), id, done = std::move(done), action = std::move(action)] {
            const SlotPtr slot = self->find(id);
            if (!slot) return done(core::not_found("provider", id.text()));
            action(*self, slot, done);
        });
    }

    void get(const SlotPtr& slot, core::SteadyTime deadline, Done<Obtained> done);
    void renew(const SlotPtr& slot, std::int64_t generation, core::SteadyTime deadline, Done<Obtained> done);
    void obtain_by_hand(const SlotPtr& slot, Done<storage::TokenRecord> done);
    asio::awaitable<void> test(SlotPtr slot, Done<TokenTestResult> done);
    asio::awaitable<void> revoke(SlotPtr slot, Done<RemoteRevocation> done);
    Result<> reload(core::ProviderId id);
    void tick(const SlotPtr& slot);

    SlotPtr find(core::ProviderId id) const {
        const std::scoped_lock lock(mutex_);
        const auto found = slots_.find(id);
        return found == slots_.end() ? nullptr : found->second;
    }
    void listen(std::function<void(core::ProviderId)> listener) {
        const std::scoped_lock lock(mutex_);
        listeners_.push_back(std::move(listener));
    }
    asio::any_io_executor executor() const { return executor_; }

private:
    SlotPtr make_slot(storage::ProviderRecord record);
    void start_flight(const SlotPtr& slot);
    asio::awaitable<void> fly(SlotPtr slot);
    asio::awaitable<ExchangeResult> exchange_with_reread(const SlotPtr& slot);
    ExchangeInput input_of(const TokenSlot& slot, std::optional<core::Secret> refresh_token) const;
    asio::awaitable<void> land(SlotPtr slot, storage::TokenFence fence, ExchangeResult result);
    asio::awaitable<void> land_token(SlotPtr slot, storage::TokenFence fence, ExchangeResult result);
    asio::awaitable<Result<>> save(storage::TokenOutcome outcome);
    void fail_waiters(const SlotPtr& slot, const Error& error);
    void discard(const SlotPtr& slot, TokenResponse response);
    void recovered(const SlotPtr& slot);
    void arm(const SlotPtr& slot);

    storage::Store& store_;
    http::Transport& transport_;
    core::Clock& clock_;
    core::Random& random_;
    asio::any_io_executor executor_;
    Revoker revoker_;
    bool stopping_ = false;
    int rotations_ = 0;
    std::function<void()> stopped_;

    mutable std::mutex mutex_;
    std::unordered_map<core::ProviderId, SlotPtr, core::IdHash> slots_;     // guarded by mutex_
    std::vector<std::function<void(core::ProviderId)>> listeners_;          // guarded by mutex_
};

SlotPtr TokenManager::Impl::make_slot(storage::ProviderRecord record) {
    const core::ProviderId id = record.id;
    auto look = [weak = weak_from_this(), executor = executor_, id] {
        asio::post(executor, [weak, id] {
            const auto self = weak.lock();
            if (!self) return;
            if (const SlotPtr slot = self->find(id)) self->tick(slot);
        });
    };
    auto slot = std::make_shared<TokenSlot>(std::move(record), std::make_shared<TokenCell>(std::move(look)),
                                            clock_.make_timer(executor_));
    const std::scoped_lock lock(mutex_);
    slots_[id] = slot;
    return slot;
}

Result<> TokenManager::Impl::load() {
    auto records = store_.providers();
    if (!records) return records.error();
    for (storage::ProviderRecord& record : *records) {
        auto token = store_.token(record.id);
        if (!token) return token.error();
        const SlotPtr slot = make_slot(record.clone());
        slot->adopt(std::move(record), std::move(*token), clock_, random_);
    }
    return {};
}

void TokenManager::Impl::begin() {
    std::vector<SlotPtr> slots;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& [id, slot] : slots_) slots.push_back(slot);
    }
    for (const SlotPtr& slot : slots) tick(slot);
    revoker_.resume();
}

void TokenManager::Impl::stop(std::function<void()> stopped) {
    stopping_ = true;
    stopped_ = std::move(stopped);
    revoker_.stop();
    std::vector<SlotPtr> slots;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& [id, slot] : slots_) slots.push_back(slot);
    }
    for (const SlotPtr& slot : slots) {
        slot->timer->cancel();
        fail_waiters(slot, unavailable(*slot, "shutting_down"));
    }
    if (rotations_ == 0) stopped_();
}

void TokenManager::Impl::get(const SlotPtr& slot, core::SteadyTime deadline, Done<Obtained> done) {
    const core::SteadyTime now = clock_.steady_now();
    const auto block = slot->automatic_block(now);
    const bool may_use = slot->record.enabled && slot->usable(now);
    if (may_use) return done(Obtained{.access = slot->access, .record = slot->token});
    if (stopping_) return done(unavailable(*slot, "shutting_down"));
    if (block) {
        slot->wanted = true;
        arm(slot);
        return done(unavailable(*slot, *block));
    }
    slot->counters->waits.fetch_add(1, std::memory_order_relaxed);
    slot->waiters.push_back({.done = std::move(done), .deadline = deadline});
    tick(slot);
}

void TokenManager::Impl::renew(const SlotPtr& slot, std::int64_t generation, core::SteadyTime deadline,
                               Done<Obtained> done) {
    const core::SteadyTime now = clock_.steady_now();
    if (slot->usable(now) && slot->access->generation > generation) {
        return done(Obtained{.access = slot->access, .record = slot->token});
    }
    if (const auto block = slot->automatic_block(now)) return done(unavailable(*slot, *block));
    if (!slot->flying && slot->waiters.empty()) {
        if (!slot->allow_forced(now)) {
            Error suppressed = unavailable(*slot, "resource_rejects_fresh_tokens");
            suppressed.code = "auth_refresh_suppressed";
            return done(std::move(suppressed));
        }
        slot->counters->forced.fetch_add(1, std::memory_order_relaxed);
        slot->urgent = true;
    }
    slot->waiters.push_back({.done = std::move(done), .deadline = deadline});
    tick(slot);
}

void TokenManager::Impl::obtain_by_hand(const SlotPtr& slot, Done<storage::TokenRecord> done) {
    if (!slot->record.enabled) return done(disabled(*slot));
    if (stopping_) return done(unavailable(*slot, "shutting_down"));
    auto answer = [done = std::move(done)](Result<Obtained> obtained) {
        if (!obtained) return done(obtained.error());
        done(obtained->record->clone());
    };
    slot->waiters.push_back({.done = std::move(answer), .deadline = std::nullopt});
    if (!slot->flying) start_flight(slot);  // whatever speaks against an automatic one (O-98)
    arm(slot);
}

void TokenManager::Impl::tick(const SlotPtr& slot) {
    const core::SteadyTime now = clock_.steady_now();
    for (Waiter& waiter : slot->take_expired(now)) {
        slot->wanted = true;
        waiter.done(unavailable(*slot, "timeout"));
    }
    if (!stopping_ && slot->wants_flight(now)) start_flight(slot);
    arm(slot);
}

void TokenManager::Impl::arm(const SlotPtr& slot) {
    const auto next = stopping_ ? std::nullopt : slot->next_look(clock_.steady_now());
    if (!next) return slot->timer->cancel();
    slot->timer->expires_at(*next);
    slot->timer->on_expiry([weak = weak_from_this(), weak_slot = std::weak_ptr(slot)](bool fired) {
        const auto self = weak.lock();
        const SlotPtr woken = weak_slot.lock();
        if (fired && self && woken) self->tick(woken);
    });
}

void TokenManager::Impl::start_flight(const SlotPtr& slot) {
    slot->flying = true;
    slot->rotating = find_grant(slot->record.grant_type)->needs_refresh_token;
    slot->earliest = clock_.steady_now() + kFlightSpacing;
    if (slot->rotating) ++rotations_;
    asio::co_spawn(executor_, fly(slot), asio::detached);
}

ExchangeInput TokenManager::Impl::input_of(const TokenSlot& slot, std::optional<core::Secret> refresh_token) const {
    return {.provider = slot.record.clone(),
            .settings = slot.settings,
            .refresh_token = std::move(refresh_token),
            .fence = slot.fence()};
}

// A refresh token refused as invalid may have been replaced in the store meanwhile (O-121).
asio::awaitable<ExchangeResult> TokenManager::Impl::exchange_with_reread(const SlotPtr& slot) {
    std::optional<core::Secret> refresh_token;
    if (slot->rotating && slot->token && slot->token->refresh_token) {
        refresh_token = slot->token->refresh_token->clone();
    }
    std::string presented = refresh_token ? refresh_token->fingerprint() : "";
    ExchangeInput input = input_of(*slot, std::move(refresh_token));
    ExchangeResult result = co_await exchange(std::move(input), transport_, store_, clock_);
    if (result.response || presented.empty()) co_return result;
    const auto* error = result.response.error().details.if_contains("error");
    if (error == nullptr || *error != "invalid_grant") co_return result;
    auto stored = store_.token(slot->record.id);
    const bool other = stored && *stored && (*stored)->refresh_token &&
                       (*stored)->refresh_token->fingerprint() != presented;
    if (!other) co_return result;
    ExchangeInput again = input_of(*slot, (*stored)->refresh_token->clone());
    const int requests = result.requests;
    result = co_await exchange(std::move(again), transport_, store_, clock_);
    result.requests += requests;
    co_return result;
}

asio::awaitable<void> TokenManager::Impl::fly(SlotPtr slot) {
    const auto self = shared_from_this();
    const storage::TokenFence fence = slot->fence();
    ExchangeResult result = co_await exchange_with_reread(slot);
    const auto took = clock_.steady_now() - result.requested_at;
    slot->counters->request_ms.fetch_add(std::chrono::duration_cast<std::chrono::milliseconds>(took).count(),
                                         std::memory_order_relaxed);
    (result.response ? slot->counters->ok : slot->counters->failed).fetch_add(1, std::memory_order_relaxed);
    co_await land(slot, fence, std::move(result));
    if (slot->rotating) --rotations_;
    slot->flying = slot->rotating = false;
    if (stopping_ && rotations_ == 0 && stopped_) stopped_();
    tick(slot);
}

asio::awaitable<void> TokenManager::Impl::land(SlotPtr slot, storage::TokenFence fence, ExchangeResult result) {
    const bool overtaken = slot->gone || slot->fence().config_version != fence.config_version ||
                           slot->fence().invalidation_epoch != fence.invalidation_epoch;
    if (overtaken) {
        if (result.response) discard(slot, std::move(*result.response));
        co_return;
    }
    if (result.response) {
        co_await land_token(std::move(slot), fence, std::move(result));
        co_return;
    }
    Error error = result.response.error();
    const ProviderCondition before = slot->record.condition;
    const ProviderCondition condition = slot->note_failure(error, clock_.steady_now(), random_);
    slot->record.condition = condition;
    slot->record.last_error = to_provider_error(error, clock_.system_now());
    boost::json::object fields{{"provider", slot->record.name}, {"error", error.message}};
    const bool changed = before != condition;
    core::log(changed ? core::LogLevel::kWarning : core::LogLevel::kInformation, "token_request_failed", fields);
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
    if (!saved) core::log(core::LogLevel::kError, "provider_state_not_saved", {{"error", saved.error().message}});
    fail_waiters(slot, error);
}

asio::awaitable<void> TokenManager::Impl::land_token(SlotPtr slot, storage::TokenFence fence, ExchangeResult result) {
    TokenResponse& response = *result.response;
    const std::chrono::milliseconds lifetime = response.lifetime;
    storage::TokenRecord record;
    record.access_token = std::move(response.access_token);
    record.refresh_token = std::move(response.refresh_token);
    if (!record.refresh_token && slot->token && slot->token->refresh_token) {
        record.refresh_token = slot->token->refresh_token->clone();  // none given: the old one stays (O-117)
    }
    record.scopes = std::move(response.scopes);
    record.attributes = std::move(response.attributes);
    record.obtained_at = result.obtained_at;
    record.expires_at = result.obtained_at + lifetime;
    const Obtained obtained = slot->install(std::move(record), result.requested_at, lifetime, random_);

    storage::TokenOutcome outcome{.fence = fence,
                                  .token = obtained.record->clone(),
                                  .condition = ProviderCondition::kOk,
                                  .last_error = std::nullopt,
                                  .requests = result.requests};
    if (lifetime.count() == 0) outcome.token->access_token.reset();  // serves those who wait, and nobody later
    const Result<> saved = co_await save(std::move(outcome));
    if (!saved) {
        if (saved.error().kind != ErrorKind::kConflict) fail_waiters(slot, saved.error());
        co_return;
    }
    const bool was_down = slot->record.condition != ProviderCondition::kOk || slot->wanted;
    slot->note_success();
    slot->token = obtained.record;
    slot->access = lifetime.count() == 0 ? nullptr : obtained.access;
    slot->cell->publish(slot->record.enabled ? slot->access : nullptr);
    boost::json::object fields{{"provider", slot->record.name},
                               {"generation", obtained.record->generation},
                               {"expires_at", core::format_time(obtained.record->expires_at)},
                               {"fingerprint", obtained.record->access_token->fingerprint()}};
    for (const std::string& warning : response.warnings) fields["warning"] = warning;
    core::log(core::LogLevel::kInformation, "token_obtained", fields);
    for (Waiter& waiter : std::exchange(slot->waiters, {})) waiter.done(obtained);
    if (was_down) recovered(slot);
}

asio::awaitable<Result<>> TokenManager::Impl::save(storage::TokenOutcome outcome) {
    auto kept = std::make_shared<storage::TokenOutcome>(std::move(outcome));
    auto start = [this, kept](Done<> done) { store_.save_token_outcome(std::move(*kept), std::move(done)); };
    co_return co_await core::await_done<void>(std::move(start));
}

void TokenManager::Impl::fail_waiters(const SlotPtr& slot, const Error& error) {
    for (Waiter& waiter : std::exchange(slot->waiters, {})) {
        if (!waiter.deadline) {
            waiter.done(error);  // a person sees the cause itself
            continue;
        }
        slot->wanted = true;
        const auto* error_class = error.details.if_contains("class");
        const bool named = error_class != nullptr && error_class->is_string();
        waiter.done(unavailable(*slot, named ? std::string(error_class->as_string()) : error.code));
    }
}

// The answer came after a revoke or a change: it must never be used. After a revoke it is itself revoked (O-136).
void TokenManager::Impl::discard(const SlotPtr& slot, TokenResponse response) {
    core::log(core::LogLevel::kInformation, "late_token_discarded", {{"provider", slot->record.name}});
    if (slot->gone || !slot->record.revocation_endpoint) return;
    if (slot->record.condition != ProviderCondition::kRevoked) return;
    storage::PendingRevocation pending;
    pending.provider = slot->record.id;
    pending.token = std::move(response.access_token);
    pending.token_type_hint = "access_token";
    pending.next_try_at = clock_.system_now();
    pending.give_up_at = pending.next_try_at + response.lifetime;
    store_.queue_revocation(std::move(pending), [weak = weak_from_this()](const Result<>&) {
        const auto self = weak.lock();
        if (self) asio::post(self->executor_, [self] { self->revoker_.resume(); });
    });
}

void TokenManager::Impl::recovered(const SlotPtr& slot) {
    core::log(core::LogLevel::kInformation, "provider_available", {{"provider", slot->record.name}});
    std::vector<std::function<void(core::ProviderId)>> listeners;
    {
        const std::scoped_lock lock(mutex_);
        listeners = listeners_;
    }
    for (const auto& listener : listeners) listener(slot->record.id);
}

asio::awaitable<void> TokenManager::Impl::test(SlotPtr slot, Done<TokenTestResult> done) {
    const auto self = shared_from_this();
    if (!slot->record.enabled) co_return done(disabled(*slot));
    if (!slot->record.test_endpoint) co_return done(endpoint_missing(*slot, "test_endpoint", "--test-url"));
    if (!slot->access || !slot->token || slot->token->expires_at <= clock_.system_now()) co_return done(no_token(*slot));
    const core::SteadyTime started = clock_.steady_now();
    auto request = test_request(slot->record, slot->settings, slot->access->authorization, started);
    if (!request) co_return done(request.error());
    http::Request sendable = std::move(*request);
    const Result<http::Response> response = co_await transport_.send(std::move(sendable));
    if (!response && response.error().code == "blocked_address") co_return done(response.error());
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - started);
    done(judge_test(response, took));
}

asio::awaitable<void> TokenManager::Impl::revoke(SlotPtr slot, Done<RemoteRevocation> done) {
    const auto self = shared_from_this();
    if (!slot->record.revocation_endpoint) {
        co_return done(endpoint_missing(*slot, "revocation_endpoint", "--revoke-url"));
    }
    const core::SystemTime now = clock_.system_now();
    std::vector<storage::PendingRevocation> pending;
    const auto add = [&](const core::Secret& token, std::string_view hint, core::SystemTime give_up_at) {
        storage::PendingRevocation entry;
        entry.provider = slot->record.id;
        entry.token = token.clone();
        entry.token_type_hint = hint;
        entry.next_try_at = now;
        entry.give_up_at = give_up_at;
        pending.push_back(std::move(entry));
    };
    if (slot->token && slot->token->refresh_token) {
        add(*slot->token->refresh_token, "refresh_token", now + kRefreshTokenRevocationPatience);
    }
    if (slot->token && slot->token->access_token && slot->token->expires_at > now) {
        add(*slot->token->access_token, "access_token", slot->token->expires_at);
    }
    if (pending.empty()) co_return done(no_token(*slot));

    auto kept = std::make_shared<std::vector<storage::PendingRevocation>>(std::move(pending));
    const core::ProviderId id = slot->record.id;
    auto start = [this, id, kept](Done<std::int64_t> saved) {
        store_.revoke_token(id, std::move(*kept), std::move(saved));
    };
    const Result<std::int64_t> epoch = co_await core::await_done<std::int64_t>(std::move(start));
    if (!epoch) co_return done(epoch.error());
    slot->record.invalidation_epoch = *epoch;
    slot->record.condition = ProviderCondition::kRevoked;
    slot->drop_token();
    fail_waiters(slot, unavailable(*slot, "revoked"));
    core::log(core::LogLevel::kInformation, "token_revoked", {{"provider", slot->record.name}});
    Result<RemoteRevocation> remote = co_await revoker_.revoke_now(id);
    done(std::move(remote));
    arm(slot);
}

Result<> TokenManager::Impl::reload(core::ProviderId id) {
    auto records = store_.providers();
    if (!records) return records.error();
    const auto found = std::find_if(records->begin(), records->end(), [&](const auto& record) { return record.id == id; });
    SlotPtr slot = find(id);
    if (found == records->end()) {
        if (!slot) return {};
        slot->gone = true;
        slot->drop_token();
        slot->timer->cancel();
        fail_waiters(slot, unavailable(*slot, "deleted"));
        const std::scoped_lock lock(mutex_);
        slots_.erase(id);
        return {};
    }
    auto token = store_.token(id);
    if (!token) return token.error();
    if (!slot) slot = make_slot(found->clone());
    slot->adopt(std::move(*found), std::move(*token), clock_, random_);
    if (!slot->record.enabled) fail_waiters(slot, unavailable(*slot, "disabled"));
    recovered(slot);
    tick(slot);
    return {};
}

TokenManager::TokenManager(storage::Store& store, http::Transport& transport, core::Clock& clock, core::Random& random,
                           asio::any_io_executor executor)
    : impl_(std::make_shared<Impl>(store, transport, clock, random, std::move(executor))) {}

TokenManager::~TokenManager() = default;

Result<> TokenManager::start() {
    if (auto loaded = impl_->load(); !loaded) return loaded;
    asio::post(impl_->executor(), [impl = impl_] { impl->begin(); });
    return {};
}

void TokenManager::stop() {
    std::promise<void> stopped;
    auto once = std::make_shared<bool>(false);
    asio::post(impl_->executor(), [impl = impl_, &stopped, once] {
        impl->stop([&stopped, once] {
            if (!std::exchange(*once, true)) stopped.set_value();
        });
    });
    stopped.get_future().wait();
}

TokenReader TokenManager::reader(core::ProviderId provider) {
    const SlotPtr slot = impl_->find(provider);
    return TokenReader(slot ? slot->cell : nullptr);
}

asio::awaitable<Result<AccessTokenPtr>> TokenManager::access_token(core::ProviderId provider,
                                                                   core::SteadyTime deadline) {
    auto start = [impl = impl_, provider, deadline](Done<Obtained> done) {
        impl->with_slot<Obtained>(provider, std::move(done), [deadline](Impl& self, const SlotPtr& slot, const Done<Obtained>& answer) {
            self.get(slot, deadline, answer);
        });
    };
    Result<Obtained> obtained = co_await core::await_done<Obtained>(std::move(start));
    if (!obtained) co_return obtained.error();
    co_return std::move(obtained->access);
}

asio::awaitable<Result<AccessTokenPtr>> TokenManager::renewed_token(core::ProviderId provider, std::int64_t generation,
                                                                    core::SteadyTime deadline) {
    auto start = [impl = impl_, provider, generation, deadline](Done<Obtained> done) {
        impl->with_slot<Obtained>(provider, std::move(done),
                        [generation, deadline](Impl& self, const SlotPtr& slot, const Done<Obtained>& answer) {
                            self.renew(slot, generation, deadline, answer);
                        });
    };
    Result<Obtained> obtained = co_await core::await_done<Obtained>(std::move(start));
    if (!obtained) co_return obtained.error();
    co_return std::move(obtained->access);
}

void TokenManager::on_recovery(std::function<void(core::ProviderId)> listener) { impl_->listen(std::move(listener)); }

void TokenManager::obtain(core::ProviderId provider, Done<storage::TokenRecord> done) {
    impl_->with_slot<storage::TokenRecord>(
        provider, std::move(done), [](Impl& self, const SlotPtr& slot, const Done<storage::TokenRecord>& answer) {
            self.obtain_by_hand(slot, answer);
        });
}

// Both run the provider's grant: with a refresh token where the grant has one, else anew.
void TokenManager::refresh(core::ProviderId provider, Done<storage::TokenRecord> done) {
    obtain(provider, std::move(done));
}

void TokenManager::test(core::ProviderId provider, Done<TokenTestResult> done) {
    impl_->with_slot<TokenTestResult>(
        provider, std::move(done), [](Impl& self, const SlotPtr& slot, const Done<TokenTestResult>& answer) {
            asio::co_spawn(self.executor(), self.test(slot, answer), asio::detached);
        });
}

void TokenManager::revoke(core::ProviderId provider, Done<RemoteRevocation> done) {
    impl_->with_slot<RemoteRevocation>(
        provider, std::move(done), [](Impl& self, const SlotPtr& slot, const Done<RemoteRevocation>& answer) {
            asio::co_spawn(self.executor(), self.revoke(slot, answer), asio::detached);
        });
}

void TokenManager::reload(core::ProviderId provider, Done<> done) {
    asio::post(impl_->executor(), [impl = impl_, provider, done = std::move(done)] { done(impl->reload(provider)); });
}

ProviderMetrics TokenManager::metrics(core::ProviderId provider) const {
    const SlotPtr slot = impl_->find(provider);
    if (!slot) return {};
    const TokenSlot::Counters& counters = *slot->counters;
    return {.requests_ok = counters.ok.load(),
            .requests_failed = counters.failed.load(),
            .waits = counters.waits.load(),
            .forced_refreshes = counters.forced.load(),
            .request_time = std::chrono::milliseconds(counters.request_ms.load())};
}

}  // namespace herald::providers
