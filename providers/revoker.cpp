#include "providers/revoker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/json.h"
#include "core/log.h"
#include "providers/request_masking.h"
#include "providers/token_request.h"
#include "providers/token_response.h"

namespace herald::providers {
namespace {

namespace asio = boost::asio;
using core::Result;
using std::chrono::milliseconds;

constexpr milliseconds kRetryInterval{30'000};
constexpr std::chrono::hours kRefreshTokenPatience{24 * 7};

// 200 whatever the body; 204 is taken as well (O-131).
bool is_revoked(const Result<http::Response>& response) {
    return response && (response->status == 200 || response->status == 204);
}

core::Error failure_of(const Result<http::Response>& response, const core::Masking& masking,
                       std::string_view endpoint, core::SystemTime now) {
    return response ? answer_failure(*response, masking, endpoint, now)
                    : endpoint_failure(response.error(), masking, endpoint);
}

bool is_transient(const core::Error& error) {
    return error.kind == core::ErrorKind::kTransient || error.kind == core::ErrorKind::kThrottled;
}

core::Error revocation_failed(core::Error cause) {
    cause.code = "revocation_failed";
    cause.message += "; the token is dropped here and may still be accepted until it expires";
    return cause;
}

}  // namespace

std::vector<storage::PendingRevocation> revocations_of(const Configuration& issued_under,
                                                       const storage::TokenRecord& token,
                                                       core::StoredTime now) {
    std::vector<storage::PendingRevocation> pending;
    const auto add = [&](const core::Secret& value, std::string_view hint,
                         core::StoredTime give_up_at) {
        storage::PendingRevocation entry;
        entry.provider = issued_under.record().id;
        if (!issued_under.settings().endpoints.token.empty())
            entry.issued_by = issued_under.settings().endpoints.token;
        entry.token = value.clone();
        entry.token_type_hint = hint;
        entry.next_try_at = now;
        entry.give_up_at = give_up_at;
        pending.push_back(std::move(entry));
    };
    if (token.refresh_token)
        add(*token.refresh_token, "refresh_token", now + kRefreshTokenPatience);
    if (token.access_token && token.expires_at > now)
        add(*token.access_token, "access_token", token.expires_at);
    return pending;
}

Revoker::Revoker(storage::TokenStore& store, http::Transport& transport, core::Clock& clock,
                 asio::any_io_executor executor, Help help)
    : store_(store),
      transport_(transport),
      clock_(clock),
      executor_(executor),
      help_(std::move(help)),
      timer_(clock.make_timer(executor)) {}

asio::awaitable<Revoker::Outcome> Revoker::tell_server(const storage::PendingRevocation& pending) {
    const SlotPtr slot = help_.find(pending.provider);
    if (!slot || pending.give_up_at <= clock_.stored_now())
        co_return Outcome{.told = RemoteRevocation::kDone};
    const Result<PreparedPtr> prepared = co_await help_.prepare(slot);
    if (!prepared) {
        if (!is_transient(prepared.error()))
            co_return Outcome{.told = revocation_failed(prepared.error())};
        co_return Outcome{.told = RemoteRevocation::kQueued, .try_again_in = kRetryInterval};
    }
    const ReadyConfiguration ready = (*prepared)->ready();
    if (pending.issued_by && *pending.issued_by != ready.settings.endpoints.token) {
        core::log(core::LogLevel::kWarning, "revocation_given_up",
                  {{"provider", slot->name()}, {"issued_by", *pending.issued_by}});
        co_return Outcome{.told = RemoteRevocation::kDone};
    }
    if (!ready.settings.endpoints.revocation)
        co_return Outcome{.told = RemoteRevocation::kNotRevocable};
    const std::string endpoint = *ready.settings.endpoints.revocation;
    const GrantInput input{
        .provider = ready.record, .settings = ready.settings, .now = clock_.system_now()};
    auto request =
        revocation_request(input, pending.token, pending.token_type_hint, clock_.steady_now());
    if (!request) co_return Outcome{.told = revocation_failed(request.error())};
    http::Request sendable = std::move(*request);
    core::Masking masking = slot->masking();
    masking.add(pending.token);
    masking.add(credentials_of(ready.record, ready.settings));
    masking.add(credentials_of(sendable, ready.record, ready.settings));
    const Result<http::Response> response = co_await transport_.send(std::move(sendable));
    if (is_revoked(response)) co_return Outcome{.told = RemoteRevocation::kDone};
    core::Error failure = failure_of(response, masking, endpoint, clock_.system_now());
    if (core::string_member(failure.details, "error") == "unsupported_token_type")
        co_return Outcome{.told = RemoteRevocation::kNotRevocable};
    if (!is_transient(failure)) co_return Outcome{.told = revocation_failed(std::move(failure))};
    const milliseconds wait =
        std::max(kRetryInterval, failure.retry_after.value_or(milliseconds(0)));
    co_return Outcome{.told = RemoteRevocation::kQueued, .try_again_in = wait};
}

asio::awaitable<Result<RemoteRevocation>> Revoker::revoke_one(storage::PendingRevocation pending) {
    Outcome outcome = co_await tell_server(pending);
    std::optional<core::StoredTime> next_try_at;
    if (outcome.try_again_in) next_try_at = clock_.stored_now() + *outcome.try_again_in;
    const std::int64_t id = pending.id;
    auto start = [this, id, next_try_at](core::Done<> done) {
        store_.finish_revocation(id, next_try_at, std::move(done));
    };
    const Result<> finished = co_await core::await_done<void>(std::move(start));
    if (!finished) co_return finished.error();
    if (next_try_at) arm(*next_try_at);
    co_return std::move(outcome.told);
}

asio::awaitable<Result<RemoteRevocation>> Revoker::revoke_now(core::ProviderId provider) {
    auto pending = store_.pending_revocations();
    if (!pending) co_return pending.error();
    Result<RemoteRevocation> worst = RemoteRevocation::kDone;
    for (storage::PendingRevocation& entry : *pending) {
        if (entry.provider != provider) continue;
        Result<RemoteRevocation> outcome = co_await revoke_one(std::move(entry));
        const bool graver = !outcome || (worst && *outcome > *worst);
        if (worst && graver) worst = std::move(outcome);
    }
    co_return worst;
}

void Revoker::resume() {
    if (stopped_) return;
    again_ = running_;
    if (running_) return;
    running_ = true;
    armed_for_.reset();
    asio::co_spawn(executor_, run_due(), asio::detached);
}

asio::awaitable<void> Revoker::run_due() {
    auto pending = store_.pending_revocations();
    if (pending) {
        for (storage::PendingRevocation& entry : *pending) {
            if (stopped_) break;
            if (entry.next_try_at > clock_.stored_now()) {
                arm(entry.next_try_at);
                continue;
            }
            const Result<RemoteRevocation> outcome = co_await revoke_one(std::move(entry));
            if (!outcome)
                core::log(core::LogLevel::kWarning, "revocation_failed",
                          {{"error", outcome.error().message}});
        }
    }
    running_ = false;
    if (again_) resume();
}

void Revoker::arm(core::StoredTime next_try_at) {
    if (stopped_ || (armed_for_ && *armed_for_ <= next_try_at)) return;
    armed_for_ = next_try_at;
    const auto wait = std::max(next_try_at - clock_.stored_now(), milliseconds(1));
    timer_->expires_at(clock_.steady_now() + wait);
    timer_->on_expiry([this, alive = std::weak_ptr(timer_)](bool fired) {
        if (!fired || alive.expired()) return;
        armed_for_.reset();
        resume();
    });
}

void Revoker::stop() {
    stopped_ = true;
    timer_->cancel();
}

}  // namespace herald::providers
