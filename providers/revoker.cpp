#include "providers/revoker.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <set>

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

milliseconds wait_after(const core::Error& error) {
    return std::max(kRetryInterval, error.retry_after.value_or(milliseconds(0)));
}

// What came from one server is shown to no other. An issuer stands for its token endpoint where
// that was not known yet.
bool is_of(const storage::PendingRevocation& pending, const ReadyConfiguration& ready) {
    return !pending.issued_by || *pending.issued_by == ready.settings.endpoints.token ||
           pending.issued_by == ready.record.issuer;
}

core::Error cannot_be_used(const TokenSlot& slot) {
    return {.kind = core::ErrorKind::kPermanent,
            .code = "revocation_failed",
            .message = "provider '" + slot.name() + "' cannot be used as it is configured"};
}

core::Error revocation_failed(core::Error cause) {
    cause.code = "revocation_failed";
    cause.message += "; the token is dropped here and may still be accepted until it expires";
    return cause;
}

void log_given_up(const TokenSlot& slot, const storage::PendingRevocation& pending) {
    core::log(core::LogLevel::kWarning, "revocation_given_up",
              {{"provider", slot.name()},
               {"token", pending.token_type_hint},
               {"issued_by", pending.issued_by.value_or("")}});
}

}  // namespace

// One entry that somebody is at.
struct Revoker::Telling {
    std::optional<Result<RemoteRevocation>> outcome = std::nullopt;
    std::vector<std::shared_ptr<core::Timer>> waiting = {};
};

std::vector<storage::PendingRevocation> revocations_of(const Configuration& issued_under,
                                                       const storage::TokenRecord& token,
                                                       core::StoredTime now) {
    std::vector<storage::PendingRevocation> pending;
    const auto add = [&](const core::Secret& value, std::string_view hint,
                         core::StoredTime give_up_at) {
        storage::PendingRevocation entry;
        entry.provider = issued_under.record().id;
        const std::string& endpoint = issued_under.settings().endpoints.token;
        entry.issued_by = endpoint.empty() ? issued_under.record().issuer : endpoint;
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

Revoker::Outcome Revoker::not_sent(core::Error cause) {
    const milliseconds wait = wait_after(cause);
    if (is_transient(cause)) return {.told = RemoteRevocation::kQueued, .try_again_in = wait};
    return {.told = revocation_failed(std::move(cause)), .try_again_in = wait};
}

asio::awaitable<Revoker::Outcome> Revoker::tell_server(const storage::PendingRevocation& pending) {
    const SlotPtr slot = help_.find(pending.provider);
    if (!slot) co_return Outcome{.told = RemoteRevocation::kDone};
    if (pending.give_up_at <= clock_.stored_now()) {
        log_given_up(*slot, pending);
        co_return Outcome{.told = RemoteRevocation::kDone};
    }
    const Result<PreparedPtr> prepared = co_await help_.prepare(slot);
    if (!prepared) co_return not_sent(prepared.error());
    ReadyConfiguration ready = (*prepared)->ready();
    if (ready.settings.endpoints.token.empty()) co_return not_sent(cannot_be_used(*slot));
    if (!is_of(pending, ready)) {
        log_given_up(*slot, pending);
        co_return Outcome{.told = RemoteRevocation::kDone};
    }
    if (!ready.settings.endpoints.revocation)
        co_return Outcome{.told = RemoteRevocation::kNotRevocable};
    Outcome outcome = co_await ask(slot, std::move(ready), pending);
    co_return outcome;
}

asio::awaitable<Revoker::Outcome> Revoker::ask(SlotPtr slot, ReadyConfiguration ready,
                                               const storage::PendingRevocation& pending) {
    const std::string endpoint = *ready.settings.endpoints.revocation;
    const GrantInput input{
        .provider = ready.record, .settings = ready.settings, .now = clock_.system_now()};
    auto request =
        revocation_request(input, pending.token, pending.token_type_hint, clock_.steady_now());
    if (!request && pending.token.empty())  // what is stored does not open: nothing can be sent
        co_return Outcome{.told = revocation_failed(request.error())};
    if (!request) co_return not_sent(request.error());
    http::Request sendable = std::move(*request);
    core::Masking masking = masking_of(slot->masking(), sendable, ready.record, ready.settings);
    masking.add(pending.token);
    const Result<http::Response> response = co_await transport_.send(std::move(sendable));
    if (is_revoked(response)) co_return Outcome{.told = RemoteRevocation::kDone};
    core::Error failure = failure_of(response, masking, endpoint, clock_.system_now());
    if (!response) co_return not_sent(std::move(failure));
    if (core::string_member(failure.details, "error") == "unsupported_token_type")
        co_return Outcome{.told = RemoteRevocation::kNotRevocable};
    if (!is_transient(failure)) co_return Outcome{.told = revocation_failed(std::move(failure))};
    co_return Outcome{.told = RemoteRevocation::kQueued, .try_again_in = wait_after(failure)};
}

asio::awaitable<Result<RemoteRevocation>> Revoker::tell_and_note(
    storage::PendingRevocation pending) {
    Outcome outcome = co_await tell_server(pending);
    if (!outcome.told)
        core::log(core::LogLevel::kWarning, "revocation_failed",
                  {{"error", outcome.told.error().message}});
    std::optional<core::StoredTime> next_try_at;
    if (outcome.try_again_in) next_try_at = clock_.stored_now() + *outcome.try_again_in;
    const std::int64_t id = pending.id;
    auto start = [this, id, next_try_at](core::Done<> done) {
        store_.finish_revocation(id, next_try_at, std::move(done));
    };
    const Result<> finished = co_await core::await_done<void>(std::move(start));
    if (!finished) {
        core::log(core::LogLevel::kError, "revocation_not_noted",
                  {{"error", finished.error().message}});
        arm_after_failure();
        co_return finished.error();
    }
    if (next_try_at) arm(*next_try_at);
    co_return std::move(outcome.told);
}

asio::awaitable<Result<RemoteRevocation>> Revoker::revoke_one(storage::PendingRevocation pending) {
    const std::int64_t id = pending.id;
    std::shared_ptr<Telling>& known = under_way_[id];
    if (known) {
        const std::shared_ptr<Telling> others = known;
        const std::shared_ptr<core::Timer> timer = clock_.make_timer(executor_);
        timer->expires_at(core::SteadyTime::max());
        others->waiting.push_back(timer);
        co_await timer->wait();
        co_return *others->outcome;
    }
    known = std::make_shared<Telling>();
    const std::shared_ptr<Telling> telling = known;
    const Result<RemoteRevocation> told = co_await tell_and_note(std::move(pending));
    telling->outcome = told;
    under_way_.erase(id);
    for (const auto& timer : telling->waiting) timer->cancel();
    co_return told;
}

asio::awaitable<Result<RemoteRevocation>> Revoker::try_all(Concerns concerns) {
    Result<RemoteRevocation> worst = RemoteRevocation::kDone;
    std::set<std::int64_t> tried;
    for (;;) {
        // Read anew each time: whoever else is at it may have ended some.
        auto pending = store_.pending_revocations();
        if (!pending) {
            core::log(core::LogLevel::kError, "revocations_not_read",
                      {{"error", pending.error().message}});
            arm_after_failure();
            co_return pending.error();
        }
        const auto next = std::find_if(pending->begin(), pending->end(), [&](const auto& entry) {
            return !tried.contains(entry.id) && concerns(entry);
        });
        if (next == pending->end()) co_return worst;
        tried.insert(next->id);
        Result<RemoteRevocation> outcome = co_await revoke_one(std::move(*next));
        const bool graver = !outcome || (worst && *outcome > *worst);
        if (worst && graver) worst = std::move(outcome);
    }
}

asio::awaitable<Result<RemoteRevocation>> Revoker::revoke_now(core::ProviderId provider) {
    Concerns concerns = [provider](const auto& entry) { return entry.provider == provider; };
    Result<RemoteRevocation> worst = co_await try_all(std::move(concerns));
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
    Concerns concerns = [this](const storage::PendingRevocation& entry) {
        if (stopped_) return false;
        if (entry.next_try_at <= clock_.stored_now()) return true;
        arm(entry.next_try_at);
        return false;
    };
    static_cast<void>(co_await try_all(std::move(concerns)));
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

void Revoker::arm_after_failure() {
    arm(clock_.stored_now() + kRetryInterval);
}

void Revoker::stop() {
    stopped_ = true;
    timer_->cancel();
}

}  // namespace herald::providers
