#pragma once

#include "storage/store.h"

namespace herald::storage {

/// Every call fails: what a fake of a few calls derives from.
class RefusingStore : public Store {
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
    core::Result<std::vector<std::string>> provider_users(core::ProviderId) override {
        return refusal();
    }
    core::Result<std::optional<TokenRecord>> token(core::ProviderId) override { return refusal(); }
    core::Result<> add_notification(NotificationRecord) override { return refusal(); }
    core::Result<NotificationRecord> edit_notification(
        std::string_view, std::function<core::Result<>(NotificationRecord&)>) override {
        return refusal();
    }
    core::Result<> delete_notification(std::string_view, bool) override { return refusal(); }
    core::Result<std::vector<NotificationRecord>> notifications() override { return refusal(); }
    core::Result<NotificationRecord> notification(std::string_view) override { return refusal(); }
    std::int64_t catalogue_version() const noexcept override { return 0; }
    void save_token_outcome(TokenOutcome, core::Done<> done) override { done(refusal()); }
    void note_refresh_started(TokenFence, std::string, core::Done<bool> done) override {
        done(refusal());
    }
    void revoke_token(core::ProviderId, std::vector<PendingRevocation>,
                      core::Done<std::int64_t> done) override {
        done(refusal());
    }
    void queue_revocation(PendingRevocation, core::Done<> done) override { done(refusal()); }
    void finish_revocation(std::int64_t, std::optional<core::SystemTime>,
                           core::Done<> done) override {
        done(refusal());
    }
    core::Result<std::vector<PendingRevocation>> pending_revocations() override {
        return refusal();
    }
    void append_event(NewEvent, core::Done<AppendResult> done) override { done(refusal()); }
    void claim_due(core::NotificationId, core::SystemTime, ClaimLimits,
                   core::Done<Claim> done) override {
        done(refusal());
    }
    void record_attempt(std::vector<AttemptRecord>, CalloutUpdate, core::Done<bool> done) override {
        done(refusal());
    }
    void update_callouts(std::vector<CalloutUpdate>, core::Done<bool> done) override {
        done(refusal());
    }
    void prune_history(HistoryBounds, std::int64_t, core::Done<Pruned> done) override {
        done(refusal());
    }
    core::Result<std::int64_t> recover_in_flight(core::SystemTime) override { return refusal(); }
    core::Result<CalloutRecord> retry_callout(core::CalloutId, core::SystemTime) override {
        return refusal();
    }
    core::Result<RetriedDead> retry_dead(const CalloutFilter&, core::SystemTime, std::size_t,
                                          bool) override {
        return refusal();
    }
    core::Result<CalloutRecord> cancel_callout(core::CalloutId) override { return refusal(); }
    core::Result<EventRecord> event(core::EventId) override { return refusal(); }
    core::Result<std::vector<CalloutRecord>> callouts_of(core::EventId) override {
        return refusal();
    }
    core::Result<CalloutRecord> callout(core::CalloutId) override { return refusal(); }
    core::Result<std::vector<AttemptRecord>> attempts_of(core::CalloutId) override {
        return refusal();
    }
    core::Result<std::vector<CalloutRecord>> list_callouts(const CalloutFilter&) override {
        return refusal();
    }
    core::Result<StoreCounts> counts() override { return refusal(); }
    core::Result<> backup(const std::string&) override { return refusal(); }
    core::Result<std::int64_t> reseal() override { return refusal(); }
    void close() override {}

protected:
    [[nodiscard]] static core::Error refusal() {
        return {.kind = core::ErrorKind::kStorage,
                .code = "storage_error",
                .message = "not part of this test"};
    }
};

}  // namespace herald::storage
