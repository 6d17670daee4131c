#include "api/handlers/provider_steps.h"

#include "api/json_view.h"
#include "core/await.h"
#include "storage/provider_in_use.h"

namespace herald::api {

using core::Result;
using storage::ProviderRecord;

namespace {

const storage::TokenRecord* pointer_to(const std::optional<storage::TokenRecord>& token) {
    return token ? &*token : nullptr;
}

// Pending callouts follow their notification to another provider; only those on the wire still hold
// the old one.
Result<std::int64_t> callouts_on_the_wire(storage::HistoryStore& store,
                                          const std::string& provider) {
    std::int64_t found = 0;
    for (const auto state : {storage::CalloutState::kClaimed, storage::CalloutState::kInFlight}) {
        storage::CalloutFilter filter{.state = state,
                                      .limit = storage::CalloutFilter::kLongestPage};
        for (bool more = true; more;) {
            const auto page = store.list_callouts(filter);
            if (!page) return page.error();
            for (const storage::CalloutRecord& callout : page->callouts)
                found += callout.provider_name == provider ? 1 : 0;
            const bool full = page->callouts.size() == filter.limit;
            filter.before = full ? page->callouts.back().id : page->resume_before;
            more = filter.before.has_value();
        }
    }
    return found;
}

core::Error revocation_failed(const std::string& provider, const std::string& why) {
    core::Error error{
        .kind = core::ErrorKind::kTransient, .code = "revocation_failed", .message = {}};
    error.message =
        "revoke the token of provider '" + provider + "' before deleting it: " + why +
        "; nothing was deleted; delete without --revoke to leave the token to its expiry";
    error.details["provider"] = provider;
    return error;
}

}  // namespace

Result<boost::json::object> provider_view(const Services& services, const ProviderRecord& record) {
    const auto token = services.store.token(record.id);
    if (!token) return token.error();
    const auto users = services.store.provider_users(record.id);
    if (!users) return users.error();
    return provider_json(record, pointer_to(*token), *users, services.clock);
}

Result<boost::json::object> provider_view(const Services& services, const std::string& name) {
    const auto record = services.store.provider(name);
    if (!record) return record.error();
    return provider_view(services, *record);
}

boost::asio::awaitable<Result<>> reload_provider(CallPtr call, core::ProviderId id) {
    return core::await_done<void>([call = std::move(call), id](core::Done<> done) {
        call->services.tokens.reload(id, std::move(done));
    });
}

Answering adopted_provider(CallPtr call, int status, std::string name, core::ProviderId id) {
    auto adopting = reload_provider(call, id);
    const Result<> adopted = co_await std::move(adopting);
    if (!adopted) co_return adopted.error();
    const auto view = provider_view(call->services, name);
    if (!view) co_return view.error();
    co_return json_response(status, *view);
}

Result<> expect_unused(const Services& services, const ProviderRecord& record) {
    const auto users = services.store.provider_users(record.id);
    if (!users) return users.error();
    const auto unfinished = callouts_on_the_wire(services.store, record.name);
    if (!unfinished) return unfinished.error();
    if (users->empty() && *unfinished == 0) return {};
    return storage::provider_in_use(record.name, *users, *unfinished);
}

boost::asio::awaitable<Result<>> revoke_for_deletion(CallPtr call, std::string name,
                                                     core::ProviderId id) {
    const auto token = call->services.store.token(id);
    if (!token) co_return token.error();
    const bool is_stored = *token && ((*token)->access_token || (*token)->refresh_token);
    auto revoking = core::await_done<providers::RemoteRevocation>(
        [call, id](core::Done<providers::RemoteRevocation> done) {
            call->services.tokens.revoke(id, std::move(done));
        });
    const Result<providers::RemoteRevocation> revoked = co_await std::move(revoking);
    if (!revoked && revoked.error().code == "no_token") co_return Result<>();  // expired meanwhile
    if (!revoked && !is_stored && revoked.error().code == "endpoint_missing") co_return Result<>();
    if (!revoked && revoked.error().kind == core::ErrorKind::kInvalidArgument)
        co_return revoked.error();
    if (!revoked) co_return revocation_failed(name, revoked.error().message);
    if (*revoked == providers::RemoteRevocation::kQueued && !is_stored) {
        co_return revocation_failed(
            name, "it is being requested, or an earlier one is still to be revoked");
    }
    if (*revoked == providers::RemoteRevocation::kQueued) {
        co_return revocation_failed(
            name, "the revocation endpoint could not do it now, it is tried again later");
    }
    co_return Result<>();
}

}  // namespace herald::api
