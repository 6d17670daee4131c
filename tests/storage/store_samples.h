#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/random.h"
#include "storage/store.h"

/// Records with every field set, and short ways to give events to a store.
namespace herald::storage {

inline constexpr core::StoredTime kNow{std::chrono::milliseconds(1'795'248'000'123)};
/// By the wall clock.
inline constexpr core::SystemTime kToldAt{kNow.time_since_epoch()};

template <class Id>
[[nodiscard]] Id new_id(core::StoredTime at = kNow) {
    static core::SystemRandom random;
    return Id::generate(at, random);
}

[[nodiscard]] inline ProviderRecord sample_provider(std::string name) {
    ProviderRecord record;
    record.id = new_id<core::ProviderId>();
    record.name = std::move(name);
    record.client_id = "client";
    record.client_secret = core::Secret("client-secret-canary");
    record.token_endpoint = "https://as.example/token";
    record.created_at = kNow;
    record.updated_at = kNow;
    return record;
}

[[nodiscard]] inline NotificationRecord sample_notification(std::string name) {
    NotificationRecord record;
    record.id = new_id<core::NotificationId>();
    record.name = std::move(name);
    record.events = {"*"};
    record.url = "https://receiver.example/hook";
    record.created_at = kNow;
    record.updated_at = kNow;
    return record;
}

[[nodiscard]] inline NotificationRecord sample_notification(std::string name,
                                                            const ProviderRecord& provider) {
    NotificationRecord record = sample_notification(std::move(name));
    record.auth = OauthAuth{.provider = provider.id, .provider_name = provider.name};
    return record;
}

/// What a listing finds, which has to be complete.
[[nodiscard]] inline std::vector<CalloutRecord> listed(HistoryStore& store,
                                                       const CalloutFilter& filter = {}) {
    auto page = store.list_callouts(filter).value();
    if (page.resume_before) throw std::logic_error("a listing gave up");
    return std::move(page.callouts);
}

[[nodiscard]] inline NewCallout sample_callout(const NotificationRecord& notification) {
    NewCallout callout{.id = new_id<core::CalloutId>(),
                       .notification = notification.id,
                       .notification_name = notification.name,
                       .provider_name = std::nullopt};
    if (const auto* oauth = std::get_if<OauthAuth>(&notification.auth)) {
        callout.provider_name = oauth->provider_name;
    }
    return callout;
}

[[nodiscard]] inline EventPtr sample_event(std::string data = R"({"n":1})",
                                           std::optional<std::string> key = std::nullopt) {
    EventRecord event{.id = new_id<core::EventId>(),
                      .type = "invoice.posted",
                      .data = std::move(data),
                      .key = std::move(key),
                      .occurred_at = kToldAt,
                      .received_at = kNow};
    return std::make_shared<const EventRecord>(std::move(event));
}

[[nodiscard]] inline NewEvent sample_new_event(const Store& store, EventPtr event,
                                               std::vector<NewCallout> callouts = {}) {
    return {.event = std::move(event),
            .callouts = std::move(callouts),
            .catalogue_version = store.catalogue_version()};
}

// Blocking forms of the asynchronous methods.

[[nodiscard]] inline core::Result<AppendResult> append(Store& store, const NewEvent& event) {
    return core::wait_done<AppendResult>(
        [&](core::Done<AppendResult> done) { store.append_event(event, std::move(done)); });
}

[[nodiscard]] inline core::Result<Claim> claim(Store& store, core::NotificationId id,
                                               ClaimLimits limits, core::StoredTime now = kNow) {
    return core::wait_done<Claim>(
        [&](core::Done<Claim> done) { store.claim_due(id, now, limits, std::move(done)); });
}

[[nodiscard]] inline core::Result<Claim> claim(Store& store, core::NotificationId id,
                                               std::size_t limit, core::StoredTime now = kNow) {
    return claim(store, id, ClaimLimits{.first_tries = limit, .retries = limit}, now);
}

[[nodiscard]] inline core::Result<bool> record(Store& store, std::vector<AttemptRecord> attempts,
                                               CalloutUpdate update) {
    if (const auto callout = store.callout(update.id))
        update.notification = callout->notification.value();
    return core::wait_done<bool>([&](core::Done<bool> done) {
        store.record_attempt(
            std::make_shared<CalloutOutcome>(std::move(attempts), std::move(update)),
            std::move(done));
    });
}

[[nodiscard]] inline core::Result<bool> update(Store& store, std::vector<CalloutUpdate> updates) {
    return core::wait_done<bool>(
        [&](core::Done<bool> done) { store.update_callouts(std::move(updates), std::move(done)); });
}

[[nodiscard]] inline Pruned prune(Store& store, const HistoryBounds& bounds,
                                  std::int64_t resume_after) {
    return core::wait_done<Pruned>([&](core::Done<Pruned> done) {
               store.prune_history(bounds, resume_after, std::move(done));
           })
        .value();
}

/// A whole walk. Returns how many events it removed.
[[nodiscard]] inline std::int64_t prune_all(Store& store, const HistoryBounds& bounds) {
    std::int64_t events = 0;
    for (std::optional<std::int64_t> resume_after = 0; resume_after;) {
        const Pruned pruned = prune(store, bounds, *resume_after);
        events += pruned.events;
        resume_after = pruned.resume_after;
    }
    return events;
}

[[nodiscard]] inline AttemptRecord sample_attempt(
    core::CalloutId callout, int number, AttemptOutcome outcome = AttemptOutcome::kDelivered) {
    AttemptRecord attempt;
    attempt.callout = callout;
    attempt.number = number;
    attempt.started_at = kNow;
    attempt.duration = std::chrono::milliseconds(31);
    attempt.status = 200;
    attempt.outcome = outcome;
    return attempt;
}

/// Of a first attempt.
[[nodiscard]] inline CalloutOutcomePtr sample_outcome(CalloutUpdate update) {
    return std::make_shared<CalloutOutcome>(std::vector{sample_attempt(update.id, 1)},
                                            std::move(update));
}

}  // namespace herald::storage
