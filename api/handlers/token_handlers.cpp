#include "api/call.h"
#include "api/handlers/provider_steps.h"
#include "api/json_view.h"
#include "core/await.h"

namespace herald::api {
namespace {

using core::Result;
using providers::RemoteRevocation;
using storage::TokenRecord;

Result<ApiResponse> show(const Call& call) {
    const auto record = call.services.store.provider(call.param("name"));
    if (!record) return record.error();
    const auto token = call.services.store.token(record->id);
    if (!token) return token.error();
    return json_response(
        200, token_json(*record, *token ? &**token : nullptr, call.services.clock.system_now()));
}

using TokenOperation = void (providers::TokenManager::*)(core::ProviderId, core::Done<TokenRecord>);

Result<ApiResponse> renew(const Call& call, TokenOperation operation) {
    if (auto ok = expect_no_input(call); !ok) return ok.error();
    const auto before = call.services.store.provider(call.param("name"));
    if (!before) return before.error();
    const auto token = core::wait_done<TokenRecord>([&](core::Done<TokenRecord> done) {
        (call.services.tokens.*operation)(before->id, std::move(done));
    });
    if (!token) return token.error();
    // Read again: the operation has changed what the state is derived from.
    const auto after = call.services.store.provider(call.param("name"));
    if (!after) return after.error();
    return json_response(200, token_json(*after, &*token, call.services.clock.system_now()));
}

Result<ApiResponse> obtain(const Call& call) {
    return renew(call, &providers::TokenManager::obtain);
}
Result<ApiResponse> refresh(const Call& call) {
    return renew(call, &providers::TokenManager::refresh);
}

Result<ApiResponse> test(const Call& call) {
    if (auto ok = expect_no_input(call); !ok) return ok.error();
    const auto record = call.services.store.provider(call.param("name"));
    if (!record) return record.error();
    const auto result = core::wait_done<providers::TokenTestResult>(
        [&](core::Done<providers::TokenTestResult> done) {
            call.services.tokens.test(record->id, std::move(done));
        });
    if (!result) return result.error();
    return json_response(200, token_test_json(record->name, *result));
}

std::string_view word(RemoteRevocation remote) {
    switch (remote) {
        case RemoteRevocation::kDone:
            return "done";
        case RemoteRevocation::kQueued:
            return "queued";
        case RemoteRevocation::kNotRevocable:
            return "not_revocable";
    }
    return "queued";
}

Result<ApiResponse> revoke(const Call& call) {
    if (auto ok = expect_no_input(call); !ok) return ok.error();
    const auto record = call.services.store.provider(call.param("name"));
    if (!record) return record.error();
    const auto remote = core::wait_done<RemoteRevocation>([&](core::Done<RemoteRevocation> done) {
        call.services.tokens.revoke(record->id, std::move(done));
    });
    if (!remote) return remote.error();
    boost::json::object out;
    out["provider"] = record->name;
    out["revoked"] = true;
    out["remote"] = word(*remote);
    return json_response(200, out);
}

}  // namespace

std::vector<Route> token_routes() {
    return {
        {"GET", "/v1/providers/{name}/token", show},
        {"POST", "/v1/providers/{name}/token/obtain", obtain, Audit::kInformation},
        {"POST", "/v1/providers/{name}/token/refresh", refresh, Audit::kInformation},
        {"POST", "/v1/providers/{name}/token/test", test, Audit::kInformation},
        {"POST", "/v1/providers/{name}/token/revoke", revoke, Audit::kInformation},
    };
}

}  // namespace herald::api
