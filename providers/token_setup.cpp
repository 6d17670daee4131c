// What a person sets up: an authorization request, a device authorization, and the issuer's
// metadata (oauth.md 6.8).
#include <utility>

#include "core/json.h"
#include "core/log.h"
#include "providers/discovery.h"
#include "providers/slot_errors.h"
#include "providers/token_engine.h"
#include "providers/token_request.h"

namespace herald::providers {
namespace asio = boost::asio;
using core::Done;
using core::Error;
using core::Result;

namespace {

Error not_interactive(const TokenSlot& slot) {
    return {
        .kind = core::ErrorKind::kInvalidArgument,
        .code = "invalid_argument",
        .message = "provider '" + slot.record.name + "' has the grant " + slot.record.grant_type +
                   ", which nobody sets up; use `herald token obtain " + slot.record.name + "`"};
}

Error nothing_begun(const TokenSlot& slot) {
    return {.kind = core::ErrorKind::kUnauthorized,
            .code = "setup_failed",
            .message = "no set-up of provider '" + slot.record.name +
                       "' is under way, or its time is over; begin with `herald token setup " +
                       slot.record.name + "`"};
}

// RFC 8628 section 3.5: ask again, after five more seconds where it was too soon.
Error pending(std::chrono::seconds interval) {
    Error error{.kind = core::ErrorKind::kTransient,
                .code = "authorization_pending",
                .message = "the person has not decided yet; ask again in " +
                           std::to_string(interval.count()) + " s",
                .retry_after = interval};
    error.details["retry_after_s"] = interval.count();
    return error;
}

}  // namespace

asio::awaitable<Result<>> TokenEngine::know_endpoints(const SlotPtr& slot) {
    if (!slot->settings.endpoints.token.empty() || !slot->record.issuer) co_return Result<>();
    const std::string issuer = *slot->record.issuer;
    Result<boost::json::object> metadata =
        co_await discover(issuer, slot->settings, transport_, clock_);
    if (!metadata) co_return metadata.error();
    slot->record.metadata = *metadata;
    if (auto derived = slot->derive(); !derived) co_return derived.error();
    core::log(
        core::LogLevel::kInformation, "issuer_discovered",
        {{"provider", slot->record.name}, {"token_endpoint", slot->settings.endpoints.token}});
    storage::TokenOutcome outcome{.fence = slot->fence(),
                                  .condition = slot->record.condition,
                                  .last_error = slot->record.last_error,
                                  .metadata = std::move(*metadata)};
    Result<> saved = co_await save(std::move(outcome));
    co_return saved;
}

asio::awaitable<void> TokenEngine::begin_setup(SlotPtr slot, std::string redirect_uri,
                                               Done<SetupStart> done) {
    const auto self = shared_from_this();
    if (!find_grant(slot->record.grant_type)->is_interactive)
        co_return done(not_interactive(*slot));
    if (!slot->record.enabled) co_return done(disabled(*slot));
    const Result<> known = co_await know_endpoints(slot);
    if (!known) co_return done(known.error());
    PendingSetup pending_setup;
    if (slot->record.grant_type == "authorization_code") {
        if (!slot->settings.endpoints.authorization) {
            co_return done(endpoint_missing(*slot, "authorization_endpoint",
                                            "--setting authorization_endpoint="));
        }
        auto start = begin_authorization(slot->record, slot->settings, redirect_uri,
                                         clock_.steady_now(), pending_setup);
        if (start) slot->pending_setup = std::move(pending_setup);
        co_return done(std::move(start));
    }
    if (!slot->settings.endpoints.device_authorization) {
        co_return done(endpoint_missing(*slot, "device_authorization_endpoint",
                                        "--setting device_authorization_endpoint="));
    }
    const std::string endpoint = *slot->settings.endpoints.device_authorization;
    const auto ready = slot->ready_record();
    if (!ready) co_return done(ready.error());
    const GrantInput input{
        .provider = *ready, .settings = slot->settings, .now = clock_.system_now()};
    auto request = device_request(input, clock_.steady_now(), pending_setup);
    if (!request) co_return done(request.error());
    http::Request sendable = std::move(*request);
    const Result<http::Response> response = co_await transport_.send(std::move(sendable));
    if (!response) co_return done(endpoint_failure(response.error(), endpoint));
    auto start = read_device_answer(*response, endpoint, clock_.steady_now(), clock_.system_now(),
                                    pending_setup);
    if (start) slot->pending_setup = std::move(pending_setup);
    done(std::move(start));
}

void TokenEngine::finish_setup(const SlotPtr& slot, const SetupAnswer& answer,
                               Done<storage::TokenRecord> done) {
    // Whatever comes of it, it is not tried twice.
    const auto begun = std::exchange(slot->pending_setup, std::nullopt);
    if (!begun || begun->state.empty()) return done(nothing_begun(*slot));
    auto code = check_answer(slot->record, slot->settings, *begun, answer, clock_.steady_now());
    if (!code) return done(code.error());
    slot->setup = std::make_shared<const SetupCode>(std::move(*code));
    obtain_by_hand(slot, std::move(done));
}

void TokenEngine::look_at_device(const SlotPtr& slot, Done<storage::TokenRecord> done) {
    const core::SteadyTime now = clock_.steady_now();
    if (!slot->pending_setup || slot->pending_setup->device_code.empty())
        return done(nothing_begun(*slot));
    PendingSetup& begun = *slot->pending_setup;
    if (now >= begun.ends_at) {
        slot->pending_setup.reset();
        return done(nothing_begun(*slot));
    }
    if (now < begun.next_look_at) {
        return done(pending(std::chrono::ceil<std::chrono::seconds>(begun.next_look_at - now)));
    }
    begun.next_look_at = now + begun.interval;
    auto code = std::make_shared<SetupCode>();
    code->code = begun.device_code.clone();
    code->verifier = begun.verifier.clone();
    slot->setup = std::move(code);
    auto answer = [slot, done = std::move(done)](Result<storage::TokenRecord> token) {
        if (token || !slot->pending_setup) return done(std::move(token));
        PendingSetup& still = *slot->pending_setup;
        const auto error = core::string_member(token.error().details, "error").value_or("");
        const bool transient = token.error().kind == core::ErrorKind::kTransient ||
                               token.error().kind == core::ErrorKind::kThrottled;
        // Also a connection that timed out asks for more patience (RFC 8628 section 3.5).
        if (error == "slow_down" || (transient && error.empty())) still.slow_down();
        if (error == "authorization_pending" || error == "slow_down" || transient)
            return done(pending(still.interval));
        slot->pending_setup.reset();
        done(std::move(token));
    };
    obtain_by_hand(slot, std::move(answer));
}

}  // namespace herald::providers
