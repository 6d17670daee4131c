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
    return json_response(200,
                         token_json(*record, *token ? &**token : nullptr, call.services.clock));
}

using TokenOperation = void (providers::TokenManager::*)(core::ProviderId, core::Done<TokenRecord>);

// Read again: the operation has changed what the state is derived from.
Result<ApiResponse> renewed(const Call& call, const TokenRecord& token) {
    const auto after = call.services.store.provider(call.param("name"));
    if (!after) return after.error();
    return json_response(200, token_json(*after, &token, call.services.clock));
}

Answering renew(CallPtr call, TokenOperation operation) {
    if (auto ok = expect_no_input(*call); !ok) co_return ok.error();
    const auto before = call->services.store.provider(call->param("name"));
    if (!before) co_return before.error();
    const core::ProviderId id = before->id;
    auto waiting =
        core::await_done<TokenRecord>([call, operation, id](core::Done<TokenRecord> done) {
            (call->services.tokens.*operation)(id, std::move(done));
        });
    const Result<TokenRecord> token = co_await std::move(waiting);
    if (!token) co_return token.error();
    co_return renewed(*call, *token);
}

Answering obtain(CallPtr call) {
    return renew(std::move(call), &providers::TokenManager::obtain);
}
Answering refresh(CallPtr call) {
    return renew(std::move(call), &providers::TokenManager::refresh);
}

Result<std::string> read_redirect_uri(const Call& call) {
    const auto request = optional_body_object(call);
    if (!request) return request.error();
    MemberReader in(*request);
    std::string redirect_uri;
    in.text("redirect_uri", redirect_uri);
    if (auto done = in.finish(); !done) return done.error();
    return redirect_uri;
}

// What a person has to do, and where the answer is expected.
Answering begin_setup(CallPtr call) {
    const auto redirect_uri = read_redirect_uri(*call);
    if (!redirect_uri) co_return redirect_uri.error();
    const auto record = call->services.store.provider(call->param("name"));
    if (!record) co_return record.error();
    if (record->grant_type == "authorization_code") {
        const auto url = http::Url::parse(*redirect_uri, "redirect_uri");
        if (!url) co_return url.error();
    }
    const core::ProviderId id = record->id;
    auto waiting = core::await_done<providers::SetupStart>(
        [call, id, uri = *redirect_uri](core::Done<providers::SetupStart> done) {
            call->services.tokens.begin_setup(id, uri, std::move(done));
        });
    const Result<providers::SetupStart> start = co_await std::move(waiting);
    if (!start) co_return start.error();
    co_return json_response(200, setup_json(record->name, *start));
}

struct SetupEnd {
    std::optional<core::Secret> code;
    std::string state;
    std::optional<std::string> issuer;
};

Result<SetupEnd> read_setup_end(const Call& call) {
    const auto request = optional_body_object(call);
    if (!request) return request.error();
    MemberReader in(*request);
    SetupEnd end;
    in.secret("code", end.code);
    in.text("state", end.state);
    in.optional_text("iss", end.issuer);
    if (auto done = in.finish(); !done) return done.error();
    return end;
}

Answering finish_setup(CallPtr call) {
    auto end = read_setup_end(*call);
    if (!end) co_return end.error();
    const auto before = call->services.store.provider(call->param("name"));
    if (!before) co_return before.error();
    const core::ProviderId id = before->id;
    // Shared: what starts a wait is copied, and a secret is not.
    const auto given = std::make_shared<SetupEnd>(std::move(*end));
    auto waiting = core::await_done<TokenRecord>([call, id, given](core::Done<TokenRecord> done) {
        if (!given->code) return call->services.tokens.look_at_device(id, std::move(done));
        call->services.tokens.finish_setup(
            id, {.code = std::move(*given->code), .state = given->state, .issuer = given->issuer},
            std::move(done));
    });
    const Result<TokenRecord> token = co_await std::move(waiting);
    if (!token) co_return token.error();
    co_return renewed(*call, *token);
}

Answering test(CallPtr call) {
    if (auto ok = expect_no_input(*call); !ok) co_return ok.error();
    const auto record = call->services.store.provider(call->param("name"));
    if (!record) co_return record.error();
    const core::ProviderId id = record->id;
    auto waiting = core::await_done<providers::TokenTestResult>(
        [call, id](core::Done<providers::TokenTestResult> done) {
            call->services.tokens.test(id, std::move(done));
        });
    const Result<providers::TokenTestResult> result = co_await std::move(waiting);
    if (!result) co_return result.error();
    co_return json_response(200, token_test_json(record->name, *result));
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

Answering revoke(CallPtr call) {
    if (auto ok = expect_no_input(*call); !ok) co_return ok.error();
    const auto record = call->services.store.provider(call->param("name"));
    if (!record) co_return record.error();
    const core::ProviderId id = record->id;
    auto waiting =
        core::await_done<RemoteRevocation>([call, id](core::Done<RemoteRevocation> done) {
            call->services.tokens.revoke(id, std::move(done));
        });
    const Result<RemoteRevocation> remote = co_await std::move(waiting);
    if (!remote) co_return remote.error();
    boost::json::object out;
    out["provider"] = record->name;
    out["revoked"] = true;
    out["remote"] = word(*remote);
    co_return json_response(200, out);
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
