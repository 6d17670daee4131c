#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace herald::providers::test {

/// A store's tokens, some of whose operations fail.
class FlakyTokenStore final : public storage::TokenStore {
public:
    explicit FlakyTokenStore(const std::unique_ptr<storage::Store>& store) : store_(store) {}

    /// Asked before each operation, by its name: how often it has failed is the test's.
    std::function<bool(std::string_view operation)> fails;

    core::Result<std::optional<storage::TokenRecord>> token(core::ProviderId id) override {
        if (is_down("token")) return locked();
        return store_->token(id);
    }
    void save_token_outcome(storage::TokenOutcome outcome, core::Done<> done) override {
        if (is_down("save_token_outcome")) return done(locked());
        store_->save_token_outcome(std::move(outcome), std::move(done));
    }
    void note_refresh_started(storage::TokenFence fence, std::string fingerprint,
                              core::Done<bool> done) override {
        if (is_down("note_refresh_started")) return done(locked());
        store_->note_refresh_started(fence, std::move(fingerprint), std::move(done));
    }
    void save_metadata(core::ProviderId id, std::int64_t config_version,
                       boost::json::object metadata, core::Done<> done) override {
        if (is_down("save_metadata")) return done(locked());
        store_->save_metadata(id, config_version, std::move(metadata), std::move(done));
    }
    void replace_refresh_token(core::ProviderId id, core::Secret presented, core::Secret successor,
                               core::Done<bool> done) override {
        if (is_down("replace_refresh_token")) return done(locked());
        store_->replace_refresh_token(id, std::move(presented), std::move(successor),
                                      std::move(done));
    }
    void revoke_token(core::ProviderId id, std::vector<storage::PendingRevocation> pending,
                      core::Done<std::int64_t> done) override {
        if (is_down("revoke_token")) return done(locked());
        store_->revoke_token(id, std::move(pending), std::move(done));
    }
    void queue_revocation(storage::PendingRevocation pending, core::Done<> done) override {
        if (is_down("queue_revocation")) return done(locked());
        store_->queue_revocation(std::move(pending), std::move(done));
    }
    void finish_revocation(std::int64_t id, std::optional<core::StoredTime> next_try_at,
                           core::Done<> done) override {
        if (is_down("finish_revocation")) return done(locked());
        store_->finish_revocation(id, next_try_at, std::move(done));
    }
    core::Result<std::vector<storage::PendingRevocation>> pending_revocations() override {
        if (is_down("pending_revocations")) return locked();
        return store_->pending_revocations();
    }

private:
    bool is_down(std::string_view operation) const { return fails && fails(operation); }
    static core::Error locked() {
        return {.kind = core::ErrorKind::kTransient,
                .code = "storage_error",
                .message = "the database is locked"};
    }

    const std::unique_ptr<storage::Store>& store_;
};

}  // namespace herald::providers::test
