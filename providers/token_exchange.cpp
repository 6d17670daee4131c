#include "providers/token_exchange.h"

#include "core/await.h"
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

asio::awaitable<Answer> ask(const ExchangeInput& input, http::Transport& transport,
                            core::Clock& clock) {
    const core::Secret* refresh_token = input.refresh_token ? &*input.refresh_token : nullptr;
    const GrantInput grant{
        .provider = input.provider, .settings = input.settings, .refresh_token = refresh_token};
    auto request = token_request(grant, clock.steady_now());
    if (!request) co_return Answer{.response = request.error()};
    http::Request sendable = std::move(*request);
    const core::SteadyTime deadline = sendable.deadline;
    Result<http::Response> response = co_await transport.send(std::move(sendable));
    if (response && response->body_truncated && clock.steady_now() >= deadline)
        response = cut_by_deadline();
    if (!response) {
        const Error cause = response.error();
        const auto* sent = cause.details.if_contains("sent");
        const bool lost = sent != nullptr && sent->is_bool() && sent->as_bool();
        Error failure = endpoint_failure(cause, input.provider.token_endpoint);
        co_return Answer{.response = std::move(failure), .lost = lost};
    }
    co_return Answer{.response = parse_token_response(*response, input.provider, input.settings,
                                                      clock.system_now())};
}

// Done with whether an earlier exchange with the same refresh token never came to its end.
asio::awaitable<Result<bool>> note_rotation(const ExchangeInput& input, storage::Store& store) {
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

}  // namespace

asio::awaitable<ExchangeResult> exchange(ExchangeInput input, http::Transport& transport,
                                         storage::Store& store, core::Clock& clock) {
    bool interrupted_before = false;
    if (input.refresh_token) {
        Result<bool> noted = co_await note_rotation(input, store);
        if (!noted) {
            Error refused = noted.error();
            co_return ExchangeResult{.response = std::move(refused),
                                     .requested_at = clock.steady_now(),
                                     .obtained_at = {}};
        }
        interrupted_before = *noted;
    }
    ExchangeResult result{
        .response = Error{}, .requested_at = clock.steady_now(), .obtained_at = clock.system_now()};
    Answer answer = co_await ask(input, transport, clock);
    result.requests = 1;
    if (answer.lost && input.refresh_token) {
        result.requested_at = clock.steady_now();
        result.obtained_at = clock.system_now();
        answer = co_await ask(input, transport, clock);
        result.requests = 2;
    }
    result.response = std::move(answer.response);
    if (!result.response && interrupted_before)
        result.response = explain_lost_rotation(result.response.error());
    co_return result;
}

}  // namespace herald::providers
