// Whether a token is still good: shown to the test endpoint as a callout would, or introspected
// (oauth.md 6.10).
#include <algorithm>

#include "core/json.h"
#include "providers/kind.h"
#include "providers/show_token.h"
#include "providers/slot_errors.h"
#include "providers/token_body.h"
#include "providers/token_engine.h"
#include "providers/token_request.h"

namespace herald::providers {
namespace asio = boost::asio;
using core::Done;
using core::Result;

namespace {

constexpr std::size_t kMaxReason = 500;

TokenTestResult accepted() {
    return {.ok = true, .verdict = "accepted"};
}
TokenTestResult rejected(std::string reason) {
    return {.ok = false, .verdict = "rejected", .reason = std::move(reason)};
}
TokenTestResult inconclusive(std::string reason) {
    return {.ok = std::nullopt, .verdict = "inconclusive", .reason = std::move(reason)};
}

// UserInfo answers for a person who signed in (OpenID Connect Core section 5.3): tokens without
// `openid` are no concern of it, and servers say so with 401 or with 403.
bool is_for_people_only(const ProviderSettings& settings, const storage::TokenRecord& token) {
    return settings.endpoints.test_is_userinfo &&
           std::find(token.scopes.begin(), token.scopes.end(), "openid") == token.scopes.end();
}

TokenTestResult judge_request(const http::Response& response, const ProviderSettings& settings,
                              const AccessToken& access, const storage::TokenRecord& token) {
    const int status = response.status;
    const auto refuses = access.use->refuses_token;
    if (refuses != nullptr && refuses(response)) return rejected("the answer says so");
    if (status >= 200 && status < 300) return accepted();
    if ((status == 401 || status == 403) && is_for_people_only(settings, token)) {
        return inconclusive(
            "the userinfo endpoint wants the scope openid, which this token does not have; give "
            "another endpoint with --test-url, or --setting test_kind=introspection");
    }
    if (status == 401) return rejected("the endpoint answered 401");
    if (status == 403) {
        return {.ok = false,
                .verdict = "forbidden",
                .reason = "the token is taken, but it does not permit this"};
    }
    return inconclusive("the endpoint answered " + std::to_string(status) +
                        ", which says nothing about the token");
}

// RFC 7662 section 2.2: false may also mean that this client may not know.
TokenTestResult judge_introspection(const http::Response& response,
                                    const storage::ProviderRecord& provider) {
    if (response.status == 401 || response.status == 403) {
        return inconclusive("the introspection endpoint refuses this client (" +
                            std::to_string(response.status) +
                            "); give an endpoint that takes the token with --test-url");
    }
    const auto body = parse_token_body(response);
    const auto* active = body ? body->if_contains("active") : nullptr;
    if (response.status != 200 || active == nullptr || !active->is_bool()) {
        return inconclusive("the introspection endpoint answered " +
                            std::to_string(response.status) + " without saying active");
    }
    if (active->get_bool()) return accepted();
    if (find_kind(provider.kind)->may_hide_active_tokens)
        return inconclusive("active is false, which may only mean that this client may not ask");
    return rejected("the authorization server says that it is not active");
}

bool introspects(const TokenSlot& slot) {
    const ProviderSettings& settings = slot.settings();
    if (!settings.test_kind.empty()) return settings.test_kind == "introspection";
    const bool can = settings.endpoints.introspection.has_value() &&
                     slot.record().client_authentication != "none";
    return can && !settings.endpoints.test_is_chosen;
}

}  // namespace

asio::awaitable<Result<http::Response>> TokenEngine::show_to_test_endpoint(
    ProviderSettings settings, AccessTokenPtr access) {
    for (int tries = 0;; ++tries) {
        const auto url = http::Url::parse(*settings.endpoints.test, "test_endpoint");
        const std::string origin = url ? url->origin() : std::string();
        const std::string nonce = receiver_nonces_.at(origin);
        const ShowInput shown_as{.now = clock_.system_now(), .dpop_nonce = nonce};
        auto request = test_request(settings, *access, shown_as, clock_.steady_now());
        if (!request) co_return request.error();
        http::Request sendable = std::move(*request);
        Result<http::Response> response = co_await transport_.send(std::move(sendable));
        if (!response || !access->dpop) co_return response;
        const NonceVerdict said =
            receiver_nonces_.note(origin, nonce, *response, clock_.steady_now());
        if (tries > 0 || said != NonceVerdict::kStale) co_return response;
    }
}

asio::awaitable<Result<http::Response>> TokenEngine::introspect(PreparedPtr prepared,
                                                                AccessTokenPtr access) {
    const ReadyConfiguration ready = prepared->ready();
    const GrantInput input{
        .provider = ready.record, .settings = ready.settings, .now = clock_.system_now()};
    auto request = introspection_request(input, access->value, clock_.steady_now());
    if (!request) co_return request.error();
    http::Request sendable = std::move(*request);
    Result<http::Response> response = co_await transport_.send(std::move(sendable));
    co_return response;
}

asio::awaitable<void> TokenEngine::test(SlotPtr slot, Done<TokenTestResult> done) {
    const auto self = shared_from_this();
    if (!slot->record().enabled) co_return done(disabled(*slot));
    const bool by_introspection = introspects(*slot);
    if (by_introspection && !slot->settings().endpoints.introspection) {
        co_return done(
            endpoint_missing(*slot, "introspection_endpoint", "--setting introspection_endpoint="));
    }
    if (!by_introspection && !slot->settings().endpoints.test)
        co_return done(endpoint_missing(*slot, "test_endpoint", "--test-url"));
    const storage::TokenFence fence = slot->fence();
    const Result<PreparedPtr> prepared = co_await prepare(slot, slot->configuration);
    if (!prepared) co_return done(prepared.error());
    // A token of another configuration by now has no business at these endpoints.
    if (slot->fence() != fence) co_return done(no_token(*slot));
    const ReadyConfiguration ready = (*prepared)->ready();
    const TokenRecordPtr token = slot->token;  // it may be dropped meanwhile
    // As this configuration shows it: the slot's may be another one, or wait for a file.
    const AccessTokenPtr access = slot->stored_access(token_use_of(ready), clock_, random_);
    if (!access) co_return done(no_token(*slot));
    const core::SteadyTime started = clock_.steady_now();
    Result<http::Response> response = core::Error{};
    if (by_introspection) {
        response = co_await introspect(*prepared, access);
    } else {
        response = co_await show_to_test_endpoint(ready.settings, access);
    }
    if (!response && response.error().kind != core::ErrorKind::kTransient)
        co_return done(response.error());
    TokenTestResult result =
        !response ? inconclusive(slot->masking().shown(response.error().message, kMaxReason))
        : by_introspection ? judge_introspection(*response, ready.record)
                           : judge_request(*response, ready.settings, *access, *token);
    result.kind = by_introspection ? "introspection" : "request";
    if (response) result.status = response->status;
    result.latency =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - started);
    done(std::move(result));
}

}  // namespace herald::providers
