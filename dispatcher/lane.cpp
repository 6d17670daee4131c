#include "dispatcher/lane.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/log.h"

namespace herald::dispatcher {
namespace {

namespace asio = boost::asio;

constexpr int kMaxPrefetch = 1024;
constexpr int kMaxUnrecorded = 4096;
constexpr std::size_t kMaxClaim = 512;
constexpr std::size_t kMaxBytesWaiting = 16UL * 1024 * 1024;

// Room in memory: what may be on the wire, and more so that a free slot never waits for the store.
// Measured on the drain of a backlog: with as much again as the window, the queue was empty in 97 %
// of all looks.
int capacity_for(int window) {
    return window + std::clamp(4 * window, 32, kMaxPrefetch);
}

}  // namespace

Lane::Lane(LaneContext context, CompiledNotificationPtr notification)
    : context_(std::move(context)),
      id_(notification->record.id),
      capacity_(capacity_for(notification->record.max_in_flight)),
      notification_(std::move(notification)),
      rate_(notification_->record.rate_per_s),
      breaker_(notification_->record.breaker, context_.random),
      timer_(context_.clock.make_timer(context_.executor)) {
    // Not known yet: the first pump looks.
    first_tries_.next_due = core::StoredTime{};
    retries_.next_due = core::StoredTime{};
}

// The lane closes the door, then counts; a reserver counts itself in, then looks at the door again.
// In this order (sequentially consistent) one of them sees the other, so a drained lane has nobody
// on the way in.
bool Lane::try_reserve() {
    if (!accepts_.load(std::memory_order_relaxed)) return false;
    int reserved = reserved_.load(std::memory_order_relaxed);
    do {
        if (reserved >= capacity_.load(std::memory_order_relaxed)) return false;
    } while (!reserved_.compare_exchange_weak(reserved, reserved + 1));
    if (accepts_.load()) return true;
    give_back();
    return false;
}

void Lane::give_back() {
    reserved_.fetch_sub(1);
    context_.mailbox.post([self = shared_from_this()] { self->pump(); });
}

LaneSnapshot Lane::snapshot() const {
    return {.id = id_,
            .state = {},
            .breaker = breaker_state_.load(),
            .held_by = lacks_credentials_.load() ? std::optional<std::string>("auth_unavailable")
                                                 : std::nullopt,
            .in_flight = on_the_wire_.load()};
}

void Lane::enter(CalloutJob job) {
    first_tries_.add(std::move(job));
    pump();
}

void Lane::backlog_grew(core::StoredTime due_at) {
    first_tries_.note(due_at);
    pump();
}

void Lane::wake() {
    retries_.note(core::StoredTime{});
    backlog_grew(core::StoredTime{});
}

void Lane::apply(CompiledNotificationPtr notification) {
    const bool same_provider = notification->record.provider() == notification_->record.provider();
    const bool same_kind = notification->record.auth.index() == notification_->record.auth.index();
    const bool same_receiver = notification->record.url == notification_->record.url;
    notification_ = std::move(notification);
    const storage::NotificationRecord& record = notification_->record;
    if (rate_.per_second() != record.rate_per_s) rate_ = RateLimit(record.rate_per_s);
    if (!same_receiver || breaker_.settings() != record.breaker) breaker_.adopt(record.breaker);
    if (drained_.empty()) closed_ = false;  // else somebody waits for its end
    if (!same_provider) waits_for_.reset();
    if (!same_kind) context_.courier.forget(id_);
    pump();
}

void Lane::provider_recovered(core::ProviderId provider) {
    if (waits_for_ != provider) return;
    waits_for_.reset();
    pump();
}

void Lane::close(std::function<void()> drained) {
    closed_ = true;
    drained_.push_back(std::move(drained));
    pump();
}

std::optional<std::string> Lane::hold_reason() const {
    if (closed_) return "";
    if (!notification_->record.enabled) return "disabled";
    if (notification_->record.paused) return "paused";
    // Without the secret it would go out unsigned or be refused.
    if (!notification_->record.unreadable_secrets.empty())
        return "auth_unavailable:" + notification_->record.name;
    if (waits_for_)
        return "auth_unavailable:" +
               std::get<storage::OauthAuth>(notification_->record.auth).provider_name;
    if (blocked_until_) return "auth_unavailable:" + notification_->record.name;
    if (damaged_) return "database_damaged";
    if (breaker_.state() == CircuitBreaker::State::kOpen) return "breaker_open";
    return std::nullopt;
}

int Lane::window() const {
    return is_probing() ? 1 : ramp_.of(notification_->record.max_in_flight);
}

// Attempts from before it opened may still run; the probe does not wait for them.
bool Lane::has_slot() const {
    return breaker_.may_start() && (is_probing() || running() < window());
}

void Lane::pump() {
    const Now now{.steady = context_.clock.steady_now(), .stored = context_.clock.stored_now()};
    breaker_.advance(now.steady);
    breaker_state_ = breaker_.state();
    blocked_until_ = context_.courier.blocked_until(*notification_, now.steady);
    const auto hold = hold_reason();
    lacks_credentials_ = waits_for_ || blocked_until_;
    if (was_held_ && !hold) ramp_.begin();
    was_held_ = hold.has_value();
    capacity_ = capacity_for(window());
    if (hold) {
        accepts_ = false;
        release_queues(*hold);
    } else {
        start_what_may(now);
        // The oldest go first: while first tries are due in the store, fresh ones queue up there.
        // A probe is claimed, so that it is the oldest.
        accepts_ =
            !first_tries_.is_due(now.stored) && breaker_.state() == CircuitBreaker::State::kClosed;
        if (!claiming_) refill(now);
    }
    arm(now);
    settle(now);
}

void Lane::start_what_may(const Now& now) {
    while (has_slot() && unrecorded_ < kMaxUnrecorded) {
        Backlog* const next = next_to_start();
        if (next == nullptr || !rate_.try_take(now.steady)) return;
        if (admit(*next)) start(*next);
    }
}

bool Lane::admit(const Backlog& backlog) {
    if (!Quarantine::is_suspect(backlog.front())) return true;
    // The lane outlives its wait only where somebody else still needs it.
    suspect_waits_ =
        !context_.quarantine.try_enter([weak = weak_from_this(), &mailbox = context_.mailbox] {
            mailbox.post([weak] {
                const auto self = weak.lock();
                if (!self) return;
                self->suspect_waits_ = false;
                self->pump();
            });
        });
    return !suspect_waits_;
}

Backlog* Lane::next_to_start() {
    const bool first = first_tries_.waiting() > 0;
    const bool has_room = is_probing() || retries_.running < retry_share();
    const bool quarantined =
        suspect_waits_ && retries_.waiting() > 0 && Quarantine::is_suspect(retries_.front());
    const bool retry = retries_.waiting() > 0 && has_room && !quarantined;
    if (!first && !retry) return nullptr;
    return retry && (retry_next_ || !first) ? &retries_ : &first_tries_;
}

void Lane::start(Backlog& backlog) {
    CalloutJob job = backlog.take();
    ++backlog.running;
    on_the_wire_.fetch_add(1, std::memory_order_relaxed);
    const Started started{.provider = notification_->record.provider(),
                          .ticket = breaker_.start(),
                          .retry = &backlog == &retries_,
                          .suspect = Quarantine::is_suspect(job)};
    retry_next_ = !started.retry;
    asio::co_spawn(context_.executor, context_.courier.attempt(notification_, std::move(job)),
                   [self = shared_from_this(), started](const std::exception_ptr& failure,
                                                        AttemptResult result) {
                       if (failure)
                           std::rethrow_exception(failure);  // a bug: nothing in an attempt throws
                       self->finished(started, std::move(result));
                   });
}

void Lane::finished(const Started& started, AttemptResult result) {
    --(started.retry ? retries_ : first_tries_).running;
    on_the_wire_.fetch_sub(1, std::memory_order_relaxed);
    if (!started.retry) reserved_.fetch_sub(1);
    if (started.suspect) context_.quarantine.leave();
    breaker_.ended(started.ticket, result.receiver, context_.clock.steady_now());
    if (result.receiver == ReceiverHealth::kWorks) ramp_.went_well();
    // The notification may have another provider by now, which has done nothing wrong.
    if (result.parked && started.provider == notification_->record.provider())
        waits_for_ = started.provider;
    if (core::log_enabled(core::LogLevel::kDebug)) {
        core::log(core::LogLevel::kDebug, "callout_attempted",
                  {{"callout", result.update.id.text()},
                   {"notification", notification_->record.name},
                   {"parked", result.parked},
                   {"state", storage::to_string(result.update.state)}});
    }
    if (result.withdrawn) return pump();
    ++unrecorded_;
    const std::optional<core::StoredTime> due_at = result.update.due_at;
    const int attempts = result.update.attempts;
    context_.recorder.record(std::move(result),
                             [self = shared_from_this(), due_at, attempts](bool next_is_due) {
                                 --self->unrecorded_;
                                 if (due_at) self->backlog_of(attempts).note(*due_at);
                                 next_is_due ? self->wake() : self->pump();
                             });
    pump();
}

// Held: what waits in memory goes back where everybody can see why it waits, and stays the oldest.
void Lane::release_queues(const std::string& reason) {
    reserved_.fetch_sub(first_tries_.waiting());
    release(first_tries_, reason);
    release(retries_, reason);
}

void Lane::release(Backlog& backlog, const std::string& reason) {
    if (backlog.waiting() == 0) return;
    const core::StoredTime now = context_.clock.stored_now();
    const int count = backlog.waiting();
    std::vector<storage::CalloutUpdate> updates;
    for (const CalloutJob& job : backlog.take_all()) {
        updates.push_back({.id = job.id,
                           .notification = id_,
                           .state = storage::CalloutState::kPending,
                           .reason = reason.empty() ? std::nullopt : std::optional(reason),
                           .due_at = job.event->received_at,
                           .attempts = job.attempts,
                           .failures = job.failures,
                           .crashes = job.crashes});
    }
    unrecorded_ += count;
    context_.recorder.release(std::move(updates),
                              [self = shared_from_this(), &backlog, count, now](bool) {
                                  self->unrecorded_ -= count;
                                  backlog.note(now);
                                  self->pump();
                              });
}

std::size_t Lane::room(const Backlog& backlog, int held, int share, const Now& now) const {
    if (!backlog.is_due(now.stored) || backlog.bytes_waiting() >= kMaxBytesWaiting) return 0;
    if (is_probing()) return backlog.waiting() == 0 ? 1 : 0;
    // Asked for early: a claim takes as long as the commit before it and its own.
    const int prefetch = capacity_for(share) - share;
    if (backlog.waiting() >= prefetch / 2) return 0;
    return static_cast<std::size_t>(std::max(0, capacity_for(share) - held));
}

void Lane::refill(const Now& now) {
    if (unrecorded_ >= kMaxUnrecorded) return;
    const storage::ClaimLimits limits{
        .first_tries =
            std::min(kMaxClaim,
                     room(first_tries_, reserved_.load(std::memory_order_relaxed), window(), now)),
        .retries = std::min(kMaxClaim, room(retries_, retries_.held(), retry_share(), now))};
    if (limits.first_tries + limits.retries == 0) return;
    claiming_ = true;
    first_tries_.claim_begins();
    retries_.claim_begins();
    reserved_.fetch_add(static_cast<int>(limits.first_tries), std::memory_order_relaxed);
    context_.queue.claim_due(
        id_, now.stored, limits,
        [self = shared_from_this(),
         promised = static_cast<int>(limits.first_tries)](core::Result<storage::Claim> claim) {
            auto kept = std::make_shared<core::Result<storage::Claim>>(std::move(claim));
            self->context_.mailbox.post([self, kept, promised] {
                self->reserved_.fetch_sub(promised, std::memory_order_relaxed);
                self->claimed(std::move(*kept));
            });
        });
}

void Lane::claimed(core::Result<storage::Claim> claim) {
    claiming_ = false;
    if (!claim) {
        core::log(core::LogLevel::kError, "claim_failed",
                  {{"notification", notification_->record.name}, {"error", claim.error().message}});
        // Nothing of this lane is sent until the index is repaired.
        if (claim.error().code == "database_damaged") damaged_ = true;
        const core::StoredTime later = context_.clock.stored_now() + std::chrono::seconds(1);
        first_tries_.claim_ended(later);
        retries_.claim_ended(later);
        return pump();
    }
    first_tries_.claim_ended(claim->next_first_try_at);
    retries_.claim_ended(claim->next_retry_at);
    for (storage::ClaimedCallout& callout : claim->callouts) {
        if (callout.attempts == 0) reserved_.fetch_add(1, std::memory_order_relaxed);
        backlog_of(callout.attempts)
            .add({.id = callout.id,
                  .event = std::move(callout.event),
                  .attempts = callout.attempts,
                  .failures = callout.failures,
                  .crashes = callout.crashes});
    }
    pump();
}

void Lane::arm(const Now& now) {
    std::optional<core::SteadyTime> next;
    const auto wake_at = [&next](core::SteadyTime at) {
        if (!next || at < *next) next = at;
    };
    if (breaker_.state() == CircuitBreaker::State::kOpen) wake_at(breaker_.probe_at());
    if (blocked_until_) wake_at(*blocked_until_);
    if (!was_held_) {
        // A backlog that is due already waits for a free slot, not for a time.
        for (const Backlog* backlog : {&first_tries_, &retries_}) {
            if (backlog->next_due && !backlog->is_due(now.stored))
                wake_at(now.steady + (*backlog->next_due - now.stored));
        }
        if (has_slot() && next_to_start() != nullptr) {
            const core::SteadyTime permit_at = rate_.next_at(now.steady);
            if (permit_at > now.steady) wake_at(permit_at);
        }
    }
    if (!next) return;
    timer_->expires_at(*next);
    timer_->on_expiry([weak = weak_from_this()](bool fired) {
        const auto self = weak.lock();
        if (fired && self) self->pump();
    });
}

void Lane::settle(const Now& now) {
    const bool empty = first_tries_.held() == 0 && retries_.held() == 0;
    const bool quiet = empty && unrecorded_ == 0 && !claiming_ && reserved_.load() == 0;
    if (quiet && closed_) {
        context_.courier.forget(id_);
        for (const auto& drained : std::exchange(drained_, {})) drained();
    }
    const bool due = first_tries_.is_due(now.stored) || retries_.is_due(now.stored);
    const bool idle = quiet && (was_held_ || !due);
    idle_.store(idle, std::memory_order_release);
    if (idle) context_.became_idle();
}

}  // namespace herald::dispatcher
