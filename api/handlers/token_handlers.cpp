#include "api/call.h"
#include "api/handlers/provider_steps.h"
#include "api/json_view.h"
#include "api/member_reader.h"
#include "core/await.h"

namespace herald::api {
namespace {

using core::Result;
using providers::RemoteRevocation;
using storage::TokenRecord;

boost::json::object setup_json(const std::string& name, const providers::SetupStart& start) {
    const auto text = [](const std::string& value) -> boost::json::value {
        if (value.empty()) return nullptr;
        return boost::json::value(value);
    };
    boost::json::object out;
    out["provider"] = name;
    out["authorization_url"] = text(start.authorization_url);
    out["user_code"] = text(start.user_code);
    out["verification_uri"] = text(start.verification_uri);
    out["verification_uri_complete"] = text(start.verification_uri_complete);
    out["expires_in_s"] = start.expires_in.count();
    out["interval_s"] = start.interval.count();
    return out;
}

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

// What a person has to do, and where the answer is expected.
Result<ApiResponse> begin_setup(const Call& call) {
    const auto request = optional_body_object(call);
    if (!request) return request.error();
    MemberReader in(*request);
    std::string redirect_uri;
    in.text("redirect_uri", redirect_uri);
    if (auto done = in.finish(); !done) return done.error();
    const auto record = call.services.store.provider(call.param("name"));
    if (!record) return record.error();
    if (record->grant_type == "authorization_code") {
        const auto url = http::Url::parse(redirect_uri, "redirect_uri");
        if (!url) return url.error();
    }
    const auto start =
        core::wait_done<providers::SetupStart>([&](core::Done<providers::SetupStart> done) {
            call.services.tokens.begin_setup(record->id, redirect_uri, std::move(done));
        });
    if (!start) return start.error();
    return json_response(200, setup_json(record->name, *start));
}

Result<ApiResponse> finish_setup(const Call& call) {
    const auto request = optional_body_object(call);
    if (!request) return request.error();
    MemberReader in(*request);
    std::optional<core::Secret> code;
    std::string state;
    std::optional<std::string> issuer;
    in.secret("code", code);
    in.text("state", state);
    in.optional_text("iss", issuer);
    if (auto done = in.finish(); !done) return done.error();
    const auto before = call.services.store.provider(call.param("name"));
    if (!before) return before.error();
    const auto token = core::wait_done<TokenRecord>([&](core::Done<TokenRecord> done) {
        if (!code) return call.services.tokens.look_at_device(before->id, std::move(done));
        call.services.tokens.finish_setup(
            before->id, {.code = std::move(*code), .state = state, .issuer = issuer},
            std::move(done));
    });
    if (!token) return token.error();
    const auto after = call.services.store.provider(call.param("name"));
    if (!after) return after.error();
    return json_response(200, token_json(*after, &*token, call.services.clock.system_now()));
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
        {"POST", "/v1/providers/{name}/token/setup", begin_setup, Audit::kInformation},
        {"POST", "/v1/providers/{name}/token/complete", finish_setup, Audit::kInformation},
        {"POST", "/v1/providers/{name}/token/test", test, Audit::kInformation},
        {"POST", "/v1/providers/{name}/token/revoke", revoke, Audit::kInformation},
    };
}

}  // namespace herald::api
