#include "providers/token_exchange.h"

#include "core/await.h"
#include "core/json.h"
#include "providers/credentials.h"
#include "providers/request_masking.h"
#include "providers/token_body.h"
#include "providers/token_request.h"

namespace herald::providers {
namespace {

namespace asio = boost::asio;
using core::Error;
using core::Result;

struct Answer {
    Result<TokenResponse> response;
    bool lost = false;  ///< the request may have arrived, its answer did not
};

// For a receiver the status would count; half a token is none.
Error cut_by_deadline() {
    Error error{.kind = core::ErrorKind::kTransient,
                .code = "timeout",
                .message = "the answer did not arrive in time",
                .details = {}};
    error.details["sent"] = true;
    return error;
}

// The answer to one request; a proof refused for its nonce is made anew once (O-140, O-141).
asio::awaitable<Result<http::Response>> send(ExchangeInput& input, ExchangeTools tools,
                                             http::Request request) {
    input.masking.add(credentials_of(request, input.provider, input.settings));
    if (!input.dpop) {
        Result<http::Response> only = co_await tools.transport.send(std::move(request));
        co_return only;
    }
    const std::string origin = request.url.origin();
    for (int tries = 0;; ++tries) {
        const std::string nonce = tools.nonces.at(origin);
        auto proof = input.dpop->proof({.method = request.method,
                                        .url = request.url,
                                        .now = tools.clock.system_now(),
                                        .nonce = nonce});
        if (!proof) co_return proof.error();
        input.masking.add(*proof);
        request.headers.set("DPoP", std::move(*proof));
        http::Request copy = request;
        Result<http::Response> response = co_await tools.transport.send(std::move(copy));
        if (!response) co_return response;
        const NonceVerdict said =
            tools.nonces.note(origin, nonce, *response, tools.clock.steady_now());
        if (tries > 0 || said != NonceVerdict::kStale) co_return response;
    }
}

GrantInput grant_input(const ExchangeInput& input, core::Clock& clock) {
    return {.provider = input.provider,
            .settings = input.settings,
            .now = clock.system_now(),
            .refresh_token = input.refresh_token.get(),
            .setup = input.setup.get()};
}

asio::awaitable<Answer> ask(ExchangeInput& input, ExchangeTools tools) {
    auto request = token_request(grant_input(input, tools.clock), tools.clock.steady_now());
    if (!request) co_return Answer{.response = request.error()};
    http::Request sendable = std::move(*request);
    const core::SteadyTime deadline = sendable.deadline;
    Result<http::Response> response = co_await send(input, tools, std::move(sendable));
    if (response && response->body_truncated && tools.clock.steady_now() >= deadline)
        response = cut_by_deadline();
    if (!response) {
        const Error cause = response.error();
        const auto* sent = cause.details.if_contains("sent");
        const bool lost = sent != nullptr && sent->is_bool() && sent->as_bool();
        Error failure = endpoint_failure(cause, input.masking, input.settings.endpoints.token);
        co_return Answer{.response = std::move(failure), .lost = lost};
    }
    co_return Answer{.response = parse_token_response(*response, input.masking, input.provider,
                                                      input.settings, tools.clock.system_now())};
}

// Done with whether an earlier exchange with the same refresh token never came to its end.
asio::awaitable<Result<bool>> note_rotation(const ExchangeInput& input,
                                            storage::TokenStore& store) {
    const storage::TokenFence fence = input.fence;
    const std::string fingerprint = input.refresh_token->fingerprint();
    auto start = [&store, fence, fingerprint](core::Done<bool> done) {
        store.note_refresh_started(fence, fingerprint, std::move(done));
    };
    co_return co_await core::await_done<bool>(std::move(start));
}

Error explain_lost_rotation(Error error) {
    const auto* code = error.details.if_contains("error");
    if (code != nullptr && *code == "invalid_grant") {
        error.details["error_description"] =
            "rotation lost: an earlier exchange with this refresh token was cut off";
    }
    return error;
}

// What another secret brings after the first was refused.
asio::awaitable<Answer> ask_with_each_secret(ExchangeInput& input, ExchangeTools tools,
                                             ExchangeResult& result) {
    const int before = input.provider.secret_in_use;
    const std::vector<int> numbers = secrets_to_try(input.provider, tools.clock.system_now());
    Answer answer{.response = Error{}};
    std::optional<core::Secret> first;
    if (input.provider.client_secret) first = input.provider.client_secret->clone();
    for (const int number : numbers) {
        if (first) input.provider.client_secret = first->clone();
        choose_secret(input.provider, number);
        result.requested_at = tools.clock.steady_now();
        result.obtained_at = tools.clock.stored_now();
        answer = co_await ask(input, tools);
        ++result.requests;
        if (!answer.response && refuses_client(answer.response.error())) continue;
        if (answer.response && number != before) result.secret_in_use = number;
        break;
    }
    co_return answer;
}

// When the token ends, in seconds of 1970. `active: false` may only mean that this client may not
// ask, so it decides nothing.
std::optional<double> told_end(const Result<http::Response>& response) {
    if (!response || response->status != 200) return std::nullopt;
    const auto body = parse_token_body(*response);
    const auto* exp = body ? body->if_contains("exp") : nullptr;
    const auto* active = body ? body->if_contains("active") : nullptr;
    const bool tells = exp != nullptr && exp->is_number() && active != nullptr && *active == true;
    if (!tells) return std::nullopt;
    return exp->to_number<double>();
}

// Servers that tell no lifetime may tell it when asked (Salesforce).
asio::awaitable<void> learn_lifetime(const ExchangeInput& input, ExchangeTools tools,
                                     TokenResponse& token) {
    const GrantInput grant = grant_input(input, tools.clock);
    auto request = introspection_request(grant, token.access_token, tools.clock.steady_now());
    if (!request) co_return;
    http::Request sendable = std::move(*request);
    const Result<http::Response> response = co_await tools.transport.send(std::move(sendable));
    const std::optional<double> end = told_end(response);
    if (!end) {
        token.warnings.emplace_back("introspection told no lifetime");
        co_return;
    }
    const double now = static_cast<double>(tools.clock.system_now().time_since_epoch().count());
    token.lifetime = clamped_lifetime(*end - now / 1000.0, input.settings);
    token.lifetime_is_told = true;
}

// A server that rotates has forgotten the refresh token that was presented: the new one is in the
// store before anything else is asked.
asio::awaitable<Result<>> keep_rotated(const ExchangeInput& input, storage::TokenStore& store,
                                       const TokenResponse& token) {
    const bool rotates = input.refresh_token && token.refresh_token &&
                         !token.refresh_token->equals(*input.refresh_token);
    if (!rotates) co_return Result<>();
    const auto presented = input.refresh_token;
    const auto successor = std::make_shared<const core::Secret>(token.refresh_token->clone());
    auto start = [&store, id = input.fence.provider, presented, successor](core::Done<bool> done) {
        store.replace_refresh_token(id, presented->clone(), successor->clone(), std::move(done));
    };
    const Result<bool> kept = co_await core::await_done<bool>(std::move(start));
    if (!kept) co_return kept.error();
    co_return Result<>();
}

}  // namespace

asio::awaitable<ExchangeResult> exchange(ExchangeInput input, ExchangeTools tools) {
    ExchangeResult result{.response = Error{},
                          .requested_at = tools.clock.steady_now(),
                          .obtained_at = tools.clock.stored_now()};
    result.presented = input.refresh_token;
    input.masking.add(credentials_of(input.provider, input.settings));  // those in files, too
    bool interrupted_before = false;
    if (input.refresh_token) {
        Result<bool> noted = co_await note_rotation(input, tools.store);
        if (!noted) {
            result.response = noted.error();
            co_return result;
        }
        interrupted_before = *noted;
    }
    Answer answer = co_await ask_with_each_secret(input, tools, result);
    if (answer.lost && input.refresh_token) {
        result.requested_at = tools.clock.steady_now();
        result.obtained_at = tools.clock.stored_now();
        answer = co_await ask(input, tools);
        ++result.requests;
    }
    result.response = std::move(answer.response);
    if (!result.response && interrupted_before)
        result.response = explain_lost_rotation(result.response.error());
    const bool may_ask =
        input.settings.introspect_expiry && input.settings.endpoints.introspection.has_value();
    if (!result.response || !may_ask || result.response->lifetime_is_told) co_return result;
    const Result<> kept = co_await keep_rotated(input, tools.store, *result.response);
    if (kept) {
        co_await learn_lifetime(input, tools, *result.response);
    } else {
        result.response->warnings.emplace_back("no lifetime was asked for: the store is failing");
    }
    co_return result;
}

}  // namespace herald::providers
