// What a person sets up: an authorization request, a device authorization, and the issuer's
// metadata (oauth.md 6.8).
#include <utility>

#include "core/json.h"
#include "core/log.h"
#include "providers/discovery.h"
#include "providers/request_masking.h"
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
    return {.kind = core::ErrorKind::kInvalidArgument,
            .code = "invalid_argument",
            .message = "provider '" + slot.name() + "' has the grant " + slot.record().grant_type +
                       ", which nobody sets up; use `herald token obtain " + slot.name() + "`"};
}

Error nothing_begun(const TokenSlot& slot) {
    return {.kind = core::ErrorKind::kUnauthorized,
            .code = "setup_failed",
            .message = "no set-up of provider '" + slot.name() +
                       "' is under way, or its time is over; begin with `herald token setup " +
                       slot.name() + "`"};
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

asio::awaitable<Result<ConfigurationPtr>> TokenEngine::discovered(SlotPtr slot,
                                                                  ConfigurationPtr configuration,
                                                                  ProviderSettings settings) {
    const std::string issuer = *configuration->record().issuer;
    Result<boost::json::object> metadata =
        co_await discover(issuer, std::move(settings), slot->masking(), transport_, clock_);
    if (!metadata) co_return metadata.error();
    Result<ConfigurationPtr> known = configuration->with_metadata(issuer, *metadata);
    if (!known) co_return known.error();
    core::log(core::LogLevel::kInformation, "issuer_discovered",
              {{"provider", configuration->record().name},
               {"token_endpoint", (*known)->settings().endpoints.token}});
    auto start = [this, record = (*known)->record().clone()](Done<> done) {
        store_.save_metadata(record.id, record.config_version, record.metadata, std::move(done));
    };
    const Result<> saved = co_await core::await_done<void>(std::move(start));
    if (!saved) co_return saved.error();
    if (slot->configuration == configuration) {
        slot->configuration = *known;
    } else if (slot->record().config_version == configuration->record().config_version) {
        // Changed in what shapes no token.
        if (auto same = slot->configuration->with_metadata(issuer, std::move(*metadata)))
            slot->configuration = std::move(*same);
    }
    co_return known;
}

asio::awaitable<void> TokenEngine::begin_setup(SlotPtr slot, std::string redirect_uri,
                                               Done<SetupStart> done) {
    const auto self = shared_from_this();
    const storage::TokenFence fence = slot->fence();
    if (!find_grant(slot->record().grant_type)->is_interactive)
        co_return done(not_interactive(*slot));
    if (!slot->record().enabled) co_return done(disabled(*slot));
    const Result<PreparedPtr> prepared = co_await prepare(slot, slot->configuration);
    if (!prepared) co_return done(prepared.error());
    const ReadyConfiguration ready = (*prepared)->ready();
    PendingSetup begun;
    Result<SetupStart> start = Error{};
    if (ready.record.grant_type == "authorization_code") {
        start = ready.settings.endpoints.authorization
                    ? begin_authorization(ready.record, ready.settings, redirect_uri,
                                          clock_.steady_now(), begun)
                    : Result<SetupStart>(endpoint_missing(*slot, "authorization_endpoint",
                                                          "--setting authorization_endpoint="));
    } else if (!ready.settings.endpoints.device_authorization) {
        start = endpoint_missing(*slot, "device_authorization_endpoint",
                                 "--setting device_authorization_endpoint=");
    } else {
        const std::string endpoint = *ready.settings.endpoints.device_authorization;
        const GrantInput input{
            .provider = ready.record, .settings = ready.settings, .now = clock_.system_now()};
        auto request = device_request(input, clock_.steady_now(), begun);
        if (!request) co_return done(request.error());
        http::Request sendable = std::move(*request);
        const core::Masking masking =
            masking_of(slot->masking(), sendable, ready.record, ready.settings);
        const Result<http::Response> response = co_await transport_.send(std::move(sendable));
        if (!response) co_return done(endpoint_failure(response.error(), masking, endpoint));
        start = read_device_answer(*response, masking, endpoint, clock_.steady_now(),
                                   clock_.system_now(), begun);
    }
    if (start && (slot->gone || slot->fence() != fence)) start = overtaken_setup(*slot);
    if (start) slot->pending_setup = std::move(begun);
    done(std::move(start));
}

BegunSetups TokenEngine::take_setups() {
    BegunSetups begun;
    for (const SlotPtr& slot : all()) {
        if (!slot->pending_setup) continue;
        begun.emplace_back(slot->fence(), std::move(*slot->pending_setup));
        slot->pending_setup.reset();
    }
    return begun;
}

void TokenEngine::go_on_with(BegunSetups begun) {
    for (auto& [fence, setup] : begun) {
        const SlotPtr slot = find(fence.provider);
        if (slot && slot->fence() == fence) slot->pending_setup = std::move(setup);
    }
}

void TokenEngine::finish_setup(const SlotPtr& slot, const SetupAnswer& answer,
                               Done<storage::TokenRecord> done) {
    // Whatever comes of it, it is not tried twice.
    const auto begun = std::exchange(slot->pending_setup, std::nullopt);
    if (!begun || begun->state.empty()) return done(nothing_begun(*slot));
    auto code = check_answer(slot->record(), slot->settings(), *begun, answer, clock_.steady_now());
    if (!code) {
        Error refused = code.error();
        refused.message = slot->masking().masked(refused.message);
        return done(std::move(refused));
    }
    obtain_by_hand(slot, std::make_shared<const SetupCode>(std::move(*code)), std::move(done));
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
    auto answer = [slot, code, done = std::move(done)](Result<storage::TokenRecord> token) {
        // Another one may have been begun meanwhile.
        std::optional<PendingSetup>& still = slot->pending_setup;
        if (!still || !still->device_code.equals(code->code)) return done(std::move(token));
        if (!token) {
            const auto error = core::string_member(token.error().details, "error").value_or("");
            const bool transient = token.error().kind == core::ErrorKind::kTransient ||
                                   token.error().kind == core::ErrorKind::kThrottled;
            // Also a connection that timed out asks for more patience (RFC 8628 section 3.5).
            if (error == "slow_down" || (transient && error.empty())) still->slow_down();
            if (error == "authorization_pending" || error == "slow_down" || transient)
                return done(pending(still->interval));
        }
        still.reset();
        done(std::move(token));
    };
    obtain_by_hand(slot, code, std::move(answer));
}

}  // namespace herald::providers
