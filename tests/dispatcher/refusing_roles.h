#pragma once

#include "storage/callout_queue.h"
#include "storage/configuration_store.h"
#include "storage/history_store.h"
#include "storage/maintenance_store.h"

/// Roles of the store of which every call fails: what a fake of a few calls derives from.
namespace herald::storage {

[[nodiscard]] inline core::Error refusal() {
    return {.kind = core::ErrorKind::kStorage,
            .code = "storage_error",
            .message = "not part of this test"};
}

class RefusingConfiguration : public ConfigurationStore {
public:
    core::Result<> add_provider(ProviderRecord, std::optional<TokenRecord>) override {
        return refusal();
    }
    core::Result<ProviderRecord> edit_provider(
        std::string_view, std::function<core::Result<>(ProviderEdit&)>) override {
        return refusal();
    }
    core::Result<> delete_provider(std::string_view) override { return refusal(); }
    core::Result<std::vector<ProviderRecord>> providers() override { return refusal(); }
    core::Result<ProviderRecord> provider(std::string_view) override { return refusal(); }
    core::Result<ProviderRecord> provider(core::ProviderId) override { return refusal(); }
    core::Result<std::vector<std::string>> provider_users(core::ProviderId) override {
        return refusal();
    }
    core::Result<> add_notification(NotificationRecord) override { return refusal(); }
    core::Result<NotificationRecord> edit_notification(
        std::string_view, std::function<core::Result<>(NotificationRecord&)>) override {
        return refusal();
    }
    core::Result<> delete_notification(std::string_view, bool) override { return refusal(); }
    core::Result<std::vector<NotificationRecord>> notifications() override { return refusal(); }
    core::Result<NotificationRecord> notification(std::string_view) override { return refusal(); }
    core::Result<NotificationRecord> notification(core::NotificationId) override {
        return refusal();
    }
    std::optional<std::vector<core::NotificationId>> notifications_changed_since(
        std::int64_t) override {
        return std::nullopt;
    }
    std::int64_t catalogue_version() const noexcept override { return 0; }
};

class RefusingMaintenance : public MaintenanceStore {
public:
    core::Result<> backup(const std::string&) override { return refusal(); }
    core::Result<std::int64_t> reseal() override { return refusal(); }
    void keep_time(core::KeptTime, core::Done<> done) override { done(refusal()); }
};

class RefusingQueue : public CalloutQueue {
public:
    void append_event(NewEvent, core::Done<AppendResult> done) override { done(refusal()); }
    void claim_due(core::NotificationId, core::StoredTime, ClaimLimits,
                   core::Done<Claim> done) override {
        done(refusal());
    }
    void record_attempt(CalloutOutcomePtr, core::Done<bool> done) override { done(refusal()); }
    void update_callouts(std::vector<CalloutUpdate>, core::Done<bool> done) override {
        done(refusal());
    }
    Sending start_sending(core::CalloutId, core::NotificationId) override {
        return Sending::kMayStart;
    }
    core::Result<Recovered> take_lease(std::string, core::StoredTime) override { return refusal(); }
    core::Result<CalloutRecord> retry_callout(core::CalloutId, core::StoredTime) override {
        return refusal();
    }
    core::Result<RetriedDead> retry_dead(const CalloutFilter&, core::StoredTime, std::size_t,
                                         bool) override {
        return refusal();
    }
    core::Result<std::int64_t> retry_waiting(core::NotificationId, core::StoredTime, std::size_t,
                                             bool) override {
        return refusal();
    }
    core::Result<CalloutRecord> cancel_callout(core::CalloutId) override { return refusal(); }
};

class RefusingHistory : public HistoryStore {
public:
    void prune_history(HistoryBounds, std::int64_t, core::Done<Pruned> done) override {
        done(refusal());
    }
    core::Result<EventRecord> event(core::EventId) override { return refusal(); }
    core::Result<std::vector<CalloutRecord>> callouts_of(core::EventId) override {
        return refusal();
    }
    core::Result<CalloutRecord> callout(core::CalloutId) override { return refusal(); }
    core::Result<std::vector<AttemptRecord>> attempts_of(core::CalloutId) override {
        return refusal();
    }
    core::Result<CalloutPage> list_callouts(const CalloutFilter&) override { return refusal(); }
    core::Result<StoreCounts> counts() override { return refusal(); }
};

}  // namespace herald::storage
