#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/await.h"
#include "core/error.h"
#include "storage/records.h"

namespace herald::storage {

/// Fences a token write: refused with `kConflict` when either has moved on.
struct TokenFence {
    core::ProviderId provider;
    std::int64_t config_version = 0;
    std::int64_t invalidation_epoch = 0;

    friend bool operator==(const TokenFence&, const TokenFence&) = default;
};

/// What a token operation leaves behind, written in one transaction (O-118).
struct TokenOutcome {
    TokenFence fence;
    std::optional<TokenRecord> token = std::nullopt;  ///< replaces the stored one; empty keeps it
    ProviderCondition condition = ProviderCondition::kOk;
    std::optional<ProviderError> last_error = std::nullopt;
    std::int64_t requests = 0;                        ///< added to `token_requests`
    std::optional<int> secret_in_use = std::nullopt;  ///< another secret turned out to work
    bool keeps_refresh_note = false;  ///< no refresh token was presented: see note_refresh_started
};

/// The role of the store that keeps tokens and what is still to be revoked.
///
/// Writes are asynchronous and take effect in the order in which they were submitted. A Done runs
/// on a thread of the store and must not block. Thread-safety: all methods may be called
/// concurrently.
class TokenStore {
public:
    virtual ~TokenStore() = default;

    /// Blocks for a read.
    [[nodiscard]] virtual core::Result<std::optional<TokenRecord>> token(core::ProviderId id) = 0;
    virtual void save_token_outcome(TokenOutcome outcome, core::Done<> done) = 0;
    /// Durable note that the refresh token with this fingerprint is about to be presented (O-119,
    /// O-120). Cleared by save_token_outcome, unless that keeps it. Done with whether such a note
    /// for it was there already.
    virtual void note_refresh_started(TokenFence fence, std::string fingerprint,
                                      core::Done<bool> done) = 0;
    /// What a provider's issuer told of its endpoints. Conflict where the configuration has moved
    /// on from `config_version`.
    virtual void save_metadata(core::ProviderId id, std::int64_t config_version,
                               boost::json::object metadata, core::Done<> done) = 0;
    /// What a server gave for the refresh token `presented` takes its place wherever that is still
    /// stored, whatever was configured meanwhile, and ends the note of note_refresh_started: the
    /// server has forgotten the one before. Done with whether it was stored.
    virtual void replace_refresh_token(core::ProviderId id, core::Secret presented,
                                       core::Secret successor, core::Done<bool> done) = 0;
    /// Drops the stored token, sets kRevoked, grows the epoch and queues `pending`, in one
    /// transaction. Done with the new epoch.
    virtual void revoke_token(core::ProviderId id, std::vector<PendingRevocation> pending,
                              core::Done<std::int64_t> done) = 0;
    virtual void queue_revocation(PendingRevocation pending, core::Done<> done) = 0;
    /// Removes one that is done, or moves its next try.
    virtual void finish_revocation(std::int64_t id, std::optional<core::StoredTime> next_try_at,
                                   core::Done<> done) = 0;
    [[nodiscard]] virtual core::Result<std::vector<PendingRevocation>> pending_revocations() = 0;
};

}  // namespace herald::storage
