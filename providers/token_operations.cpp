// Revocation (oauth.md 6.10).
#include "core/log.h"
#include "providers/slot_errors.h"
#include "providers/token_engine.h"

namespace herald::providers {
namespace asio = boost::asio;
using core::Done;
using core::Result;

asio::awaitable<void> TokenEngine::revoke(SlotPtr slot, Done<RemoteRevocation> done) {
    const auto self = shared_from_this();
    const bool may_be_told =
        slot->settings().endpoints.revocation || slot->configuration->needs_discovery();
    if (!may_be_told)
        co_return done(endpoint_missing(*slot, "revocation_endpoint", "--revoke-url"));
    std::vector<storage::PendingRevocation> pending;
    const core::ProviderId id = slot->record().id;
    const std::shared_ptr<const storage::TokenRecord> revoked = slot->token;
    const bool one_may_arrive = slot->flight != nullptr;
    if (revoked) pending = revocations_of(*slot->configuration, *revoked, clock_.stored_now());
    if (pending.empty() && !one_may_arrive) co_return done(no_token(*slot));

    auto kept = std::make_shared<std::vector<storage::PendingRevocation>>(std::move(pending));
    auto start = [this, id, kept](Done<std::int64_t> saved) {
        store_.revoke_token(id, std::move(*kept), std::move(saved));
    };
    const Result<std::int64_t> epoch = co_await core::await_done<std::int64_t>(std::move(start));
    if (!epoch) co_return done(epoch.error());
    slot->invalidation_epoch = std::max(slot->invalidation_epoch, *epoch);
    slot->condition = storage::ProviderCondition::kRevoked;
    slot->pending_setup.reset();
    // One may have been installed between the request and its commit.
    if (slot->token && slot->token != revoked)
        revoke_late(slot, *slot->configuration, *slot->token);
    slot->drop_token();
    fail(*slot, std::exchange(slot->waiters, {}), unavailable(*slot, "revoked"));
    core::log(core::LogLevel::kInformation, "token_revoked", {{"provider", slot->name()}});
    Result<RemoteRevocation> remote = co_await revoker_.revoke_now(id);
    // What is on its way is revoked as soon as it arrives.
    if (one_may_arrive && remote && *remote == RemoteRevocation::kDone && slot->flight)
        remote = RemoteRevocation::kQueued;
    done(std::move(remote));
    tick(slot);
}

}  // namespace herald::providers
