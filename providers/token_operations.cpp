// Revocation (oauth.md 6.10).
#include <algorithm>

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
    const TokenRecordPtr revoked = slot->token;
    if (revoked) pending = revocations_of(*slot->configuration, *revoked, clock_.stored_now());
    if (pending.empty() && !slot->flight) {
        const Result<RemoteRevocation> earlier = co_await revoke_what_is_queued(slot);
        co_return done(earlier);
    }

    auto kept = std::make_shared<std::vector<storage::PendingRevocation>>(std::move(pending));
    auto start = [this, id, kept](Done<std::int64_t> saved) {
        store_.revoke_token(id, std::move(*kept), std::move(saved));
    };
    const Result<std::int64_t> epoch = co_await core::await_done<std::int64_t>(std::move(start));
    if (!epoch) co_return done(epoch.error());
    slot->invalidation_epoch = std::max(slot->invalidation_epoch, *epoch);
    slot->condition = storage::ProviderCondition::kRevoked;
    slot->pending_setup.reset();
    // One may have been installed, or its flight have taken off, between the request and its
    // commit.
    const FlightPtr out = slot->flight;
    const TokenRecordPtr newer = slot->token != revoked ? slot->token : nullptr;
    const ConfigurationPtr issued_under = slot->configuration;
    slot->drop_token();
    fail(*slot, std::exchange(slot->waiters, {}), unavailable(*slot, "revoked"));
    core::log(core::LogLevel::kInformation, "token_revoked", {{"provider", slot->name()}});
    if (newer) co_await revoke_late(slot, issued_under, newer);
    Result<RemoteRevocation> remote = co_await revoker_.revoke_now(id);
    const bool is_done = remote && *remote == RemoteRevocation::kDone;
    if (out && is_done) {
        // What was on its way is revoked as soon as it arrives; what has arrived is queued by now.
        if (slot->flight == out) {
            remote = RemoteRevocation::kQueued;
        } else {
            remote = co_await revoker_.revoke_now(id);
        }
    }
    done(std::move(remote));
    tick(slot);
}

// What an earlier revoke could not bring to the server is tried at once.
asio::awaitable<Result<RemoteRevocation>> TokenEngine::revoke_what_is_queued(SlotPtr slot) {
    const core::ProviderId id = slot->record().id;
    const auto pending = store_.pending_revocations();
    if (!pending) co_return pending.error();
    const bool any = std::any_of(pending->begin(), pending->end(),
                                 [&](const auto& entry) { return entry.provider == id; });
    if (!any) co_return no_token(*slot);
    Result<RemoteRevocation> remote = co_await revoker_.revoke_now(id);
    co_return remote;
}

}  // namespace herald::providers
