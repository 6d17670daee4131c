#include "providers/token_engine.h"

#include <utility>

#include "core/log.h"
#include "providers/slot_errors.h"

namespace herald::providers {

namespace asio = boost::asio;
using core::Done;
using core::Error;
using core::Result;

SlotPtr TokenEngine::make_slot(storage::ProviderRecord record) {
    const core::ProviderId id = record.id;
    auto look = [weak = weak_from_this(), executor = executor_, id] {
        asio::post(executor, [weak, id] {
            const auto self = weak.lock();
            if (!self) return;
            if (const SlotPtr slot = self->find(id)) self->tick(slot);
        });
    };
    auto slot =
        std::make_shared<TokenSlot>(std::move(record), std::make_shared<TokenCell>(std::move(look)),
                                    clock_.make_timer(executor_));
    const std::scoped_lock lock(mutex_);
    slots_[id] = slot;
    return slot;
}

Result<> TokenEngine::load() {
    auto records = configuration_.providers();
    if (!records) return records.error();
    for (storage::ProviderRecord& record : *records) {
        auto token = store_.token(record.id);
        if (!token) return token.error();
        const SlotPtr slot = make_slot(record.clone());
        slot->adopt(std::move(record), std::move(*token), clock_, random_);
    }
    return {};
}

std::vector<SlotPtr> TokenEngine::all() const {
    const std::scoped_lock lock(mutex_);
    std::vector<SlotPtr> slots;
    for (const auto& [id, slot] : slots_) slots.push_back(slot);
    return slots;
}

void TokenEngine::begin() {
    background_ = true;
    for (const SlotPtr& slot : all()) tick(slot);
    revoker_.resume();
}

void TokenEngine::stop(std::function<void()> stopped) {
    stopping_ = true;
    stopped_ = std::move(stopped);
    revoker_.stop();
    files_.close();
    for (const SlotPtr& slot : all()) {
        slot->timer->cancel();
        fail(*slot, std::exchange(slot->waiters, {}), unavailable(*slot, "shutting_down"));
    }
    if (unfinished_ == 0) stopped_();
}

void TokenEngine::get(const SlotPtr& slot, core::SteadyTime deadline, Done<Obtained> done) {
    const core::SteadyTime now = clock_.steady_now();
    const auto block = slot->automatic_block(now);
    const bool may_use = slot->record().enabled && slot->usable(now);
    if (may_use) return done(Obtained{.access = slot->access, .record = slot->token});
    if (stopping_) return done(unavailable(*slot, "shutting_down"));
    if (block) {
        slot->wanted = true;
        arm(slot, now);
        return done(unavailable(*slot, *block));
    }
    slot->counters->waits.fetch_add(1, std::memory_order_relaxed);
    slot->waiters.push_back({.done = std::move(done), .deadline = deadline});
    tick(slot);
}

void TokenEngine::renew(const SlotPtr& slot, std::int64_t generation, core::SteadyTime deadline,
                        Done<Obtained> done) {
    const core::SteadyTime now = clock_.steady_now();
    if (slot->usable(now) && slot->access->generation > generation) {
        return done(Obtained{.access = slot->access, .record = slot->token});
    }
    if (stopping_) return done(unavailable(*slot, "shutting_down"));
    if (const auto block = slot->automatic_block(now)) return done(unavailable(*slot, *block));
    if (!slot->flight && slot->waiters.empty()) {
        if (!slot->allow_forced(now)) {
            Error suppressed = unavailable(*slot, "resource_rejects_fresh_tokens");
            suppressed.code = "auth_refresh_suppressed";
            return done(std::move(suppressed));
        }
        slot->counters->forced.fetch_add(1, std::memory_order_relaxed);
        slot->urgent = true;
    }
    slot->waiters.push_back({.done = std::move(done), .deadline = deadline, .refused = generation});
    tick(slot);
}

void TokenEngine::obtain_by_hand(const SlotPtr& slot, std::shared_ptr<const SetupCode> setup,
                                 Done<storage::TokenRecord> done) {
    if (!slot->record().enabled) return done(disabled(*slot));
    if (stopping_) return done(unavailable(*slot, "shutting_down"));
    auto answer = [done = std::move(done)](Result<Obtained> obtained) {
        if (!obtained) return done(obtained.error());
        done(obtained->record->clone());
    };
    slot->waiters.push_back(
        {.done = std::move(answer), .deadline = std::nullopt, .setup = std::move(setup)});
    tick(slot);
}

void TokenEngine::tick(const SlotPtr& slot) {
    const core::SteadyTime now = clock_.steady_now();
    for (Waiter& waiter : slot->take_expired(now)) {
        slot->wanted = true;
        waiter.done(unavailable(*slot, "timeout"));
    }
    const bool asked_for = background_ || !slot->waiters.empty();
    const bool flies = !stopping_ && asked_for && slot->wants_flight(now);
    if (flies && (slot->is_asked_by_hand() || host_allows_at(*slot, now) <= now))
        start_flight(slot);
    arm(slot, now);
}

void TokenEngine::arm(const SlotPtr& slot, core::SteadyTime now) {
    auto next = stopping_ ? std::nullopt : slot->next_look(now);
    const core::SteadyTime allowed = host_allows_at(*slot, now);
    if (!stopping_ && !slot->flight && slot->wants_flight(now) && allowed > now)
        next = next ? std::min(*next, allowed) : allowed;
    if (!next) return slot->timer->cancel();
    slot->timer->expires_at(*next);
    slot->timer->on_expiry([weak = weak_from_this(), weak_slot = std::weak_ptr(slot)](bool fired) {
        const auto self = weak.lock();
        const SlotPtr woken = weak_slot.lock();
        if (fired && self && woken) self->tick(woken);
    });
}

core::SteadyTime TokenEngine::host_allows_at(const TokenSlot& slot, core::SteadyTime now) const {
    return hosts_.allowed_at(slot.configuration->host(), slot.settings().call.requests_per_minute,
                             now);
}

void TokenEngine::fail(TokenSlot& slot, std::vector<Waiter> waiters, const Error& error) {
    for (Waiter& waiter : waiters) {
        if (!waiter.deadline) {
            waiter.done(error);  // a person sees the cause itself
            continue;
        }
        slot.wanted = true;
        const auto* error_class = error.details.if_contains("class");
        const bool named = error_class != nullptr && error_class->is_string();
        waiter.done(unavailable(slot, named ? std::string(error_class->as_string()) : error.code));
    }
}

void TokenEngine::recovered(const SlotPtr& slot) {
    core::log(core::LogLevel::kInformation, "provider_available", {{"provider", slot->name()}});
    std::vector<std::function<void(core::ProviderId)>> listeners;
    {
        const std::scoped_lock lock(mutex_);
        listeners = listeners_;
    }
    for (const auto& listener : listeners) listener(slot->record().id);
}

Result<> TokenEngine::reload(core::ProviderId id) {
    auto record = configuration_.provider(id);
    SlotPtr slot = find(id);
    if (!record) {
        if (record.error().kind != core::ErrorKind::kNotFound) return record.error();
        if (!slot) return {};
        slot->gone = true;
        slot->drop_token();
        slot->timer->cancel();
        fail(*slot, std::exchange(slot->waiters, {}), unavailable(*slot, "deleted"));
        const std::scoped_lock lock(mutex_);
        slots_.erase(id);
        return {};
    }
    auto token = store_.token(id);
    if (!token) return token.error();
    if (!slot) slot = make_slot(record->clone());
    const storage::TokenFence before = slot->fence();
    slot->adopt(std::move(*record), std::move(*token), clock_, random_);
    if (slot->fence() != before) fail(*slot, slot->take_setups(), overtaken_setup(*slot));
    if (!slot->record().enabled)
        fail(*slot, std::exchange(slot->waiters, {}), unavailable(*slot, "disabled"));
    recovered(slot);
    tick(slot);
    return {};
}

}  // namespace herald::providers
