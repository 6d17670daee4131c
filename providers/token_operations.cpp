// What people ask for beyond a token: test and revoke (oauth.md 6.10).
#include "core/log.h"
#include "providers/slot_errors.h"
#include "providers/token_engine.h"
#include "providers/token_request.h"

namespace herald::providers {
namespace asio = boost::asio;
using core::Done;
using core::Error;
using core::Result;

namespace {

TokenTestResult judge_test(const Result<http::Response>& response,
                           std::chrono::milliseconds latency) {
    TokenTestResult result{
        .ok = std::nullopt, .verdict = "inconclusive", .status = std::nullopt, .latency = latency};
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

asio::awaitable<void> TokenEngine::test(SlotPtr slot, Done<TokenTestResult> done) {
    const auto self = shared_from_this();
    if (!slot->record.enabled) co_return done(disabled(*slot));
    if (!slot->settings.endpoints.test)
        co_return done(endpoint_missing(*slot, "test_endpoint", "--test-url"));
    if (!slot->access || !slot->token || slot->token->expires_at <= clock_.system_now())
        co_return done(no_token(*slot));
    const core::SteadyTime started = clock_.steady_now();
    auto request = test_request(slot->settings, *slot->access, clock_.system_now(), started);
    if (!request) co_return done(request.error());
    http::Request sendable = std::move(*request);
    const Result<http::Response> response = co_await transport_.send(std::move(sendable));
    if (!response && response.error().code == "blocked_address") co_return done(response.error());
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - started);
    done(judge_test(response, took));
}

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
