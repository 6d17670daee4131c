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
    if (!slot->settings.endpoints.revocation) {
        co_return done(endpoint_missing(*slot, "revocation_endpoint", "--revoke-url"));
    }
    std::vector<storage::PendingRevocation> pending;
    const std::shared_ptr<const storage::TokenRecord> revoked = slot->token;
    if (revoked) pending = revocations_of(slot->record.id, *revoked, clock_.system_now());
    if (pending.empty()) co_return done(no_token(*slot));

    auto kept = std::make_shared<std::vector<storage::PendingRevocation>>(std::move(pending));
    const core::ProviderId id = slot->record.id;
    auto start = [this, id, kept](Done<std::int64_t> saved) {
        store_.revoke_token(id, std::move(*kept), std::move(saved));
    };
    const Result<std::int64_t> epoch = co_await core::await_done<std::int64_t>(std::move(start));
    if (!epoch) co_return done(epoch.error());
    slot->record.invalidation_epoch = *epoch;
    slot->record.condition = storage::ProviderCondition::kRevoked;
    // One may have been installed between the request and its commit.
    if (slot->token && slot->token != revoked) discard(slot, *slot->token);
    slot->drop_token();
    fail_waiters(slot, unavailable(*slot, "revoked"));
    core::log(core::LogLevel::kInformation, "token_revoked", {{"provider", slot->record.name}});
    Result<RemoteRevocation> remote = co_await revoker_.revoke_now(id);
    done(std::move(remote));
    tick(slot);
}

}  // namespace herald::providers
