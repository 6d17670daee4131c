#include "dispatcher/lane.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/log.h"
#include "core/time_text.h"

namespace herald::dispatcher {
namespace {

namespace asio = boost::asio;

constexpr int kMaxPrefetch = 1024;
constexpr int kMaxUnrecorded = 4096;
constexpr std::size_t kMaxClaim = 512;

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
      bytes_(context_.bytes),
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
bool Lane::try_reserve(std::size_t cost) {
    if (!accepts_.load(std::memory_order_relaxed)) return false;
    int reserved = reserved_.load(std::memory_order_relaxed);
    do {
        if (reserved >= capacity_.load(std::memory_order_relaxed)) return false;
    } while (!reserved_.compare_exchange_weak(reserved, reserved + 1));
    if (!bytes_.try_take(cost)) {
        reserved_.fetch_sub(1);
        return false;
    }
    if (accepts_.load()) return true;
    unreserve(cost);
    return false;
}

void Lane::unreserve(std::size_t cost) {
    bytes_.give_back(cost);
    reserved_.fetch_sub(1);
    context_.mailbox.post([self = shared_from_this()] { self->pump(); });
}

LaneSnapshot Lane::snapshot() const {
    const std::scoped_lock lock(shown_mutex_);
    return {.id = id_,
            .state = {},
            .breaker = breaker_state_.load(),
            .held_by = shown_hold_,
            .held_until = shown_held_until_,
            .in_flight = on_the_wire_.load(),
            .bytes = bytes_.held()};
}

void Lane::accept(CalloutJob job) {
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

void Lane::probe() {
    breaker_.probe_now(context_.clock.steady_now());
    obstacle_.reset();
    wake();
}

void Lane::apply(CompiledNotificationPtr notification) {
    obstacle_.reset();
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
    if (obstacle_) return obstacle_->reason;
    if (breaker_.state() == CircuitBreaker::State::kOpen) return "breaker_open";
    return std::nullopt;
}

std::optional<core::SteadyTime> Lane::held_until() const {
    const bool by_a_person =
        closed_ || damaged_ || !notification_->record.enabled || notification_->record.paused;
    if (by_a_person || waits_for_) return std::nullopt;
    if (blocked_until_) return blocked_until_;
    if (obstacle_) return obstacle_->until;
    if (breaker_.state() == CircuitBreaker::State::kOpen) return breaker_.probe_at();
    return std::nullopt;
}

// The log hears of every hold that nobody asked for; a breaker has lines of its own.
void Lane::show_hold(const std::optional<std::string>& reason, const Now& now) {
    if (!reason && !was_held_) return;
    const auto until = held_until();
    std::optional<core::StoredTime> until_stored;
    if (until)
        until_stored =
            now.stored + std::chrono::ceil<std::chrono::milliseconds>(*until - now.steady);
    std::optional<std::string> before;
    {
        const std::scoped_lock lock(shown_mutex_);
        before = std::exchange(shown_hold_, reason);
        shown_held_until_ = until_stored;
    }
    if (before == reason) return;
    const auto is_news = [](const std::optional<std::string>& hold) {
        return hold && !hold->empty() && *hold != "paused" && *hold != "disabled" &&
               *hold != "breaker_open";
    };
    const std::string& name = notification_->record.name;
    if (is_news(reason)) {
        boost::json::object fields{{"notification", name}, {"reason", *reason}};
        if (why_held_) fields["error"] = *why_held_;
        if (until_stored)
            fields["next_try"] = core::format_time(context_.clock.on_the_wall(*until_stored));
        log_.tell(core::LogLevel::kWarning, "lane_held", std::move(fields), now.steady);
    } else if (is_news(before)) {
        log_.tell(core::LogLevel::kInformation, "lane_open",
                  {{"notification", name}, {"was", *before}}, now.steady);
    }
}

int Lane::window() const {
    return is_probing() ? 1 : ramp_.of(notification_->record.max_in_flight);
}

// Attempts from before it opened may still run; the probe does not wait for them.
bool Lane::has_slot() const {
    return breaker_.may_start() && (is_probing() || running() < window());
}

void Lane::pump() {
    const core::SteadyTime steady = context_.clock.steady_now();
    const Now now{.steady = steady, .stored = context_.clock.stored_at(steady)};
    breaker_.advance(now.steady);
    breaker_state_ = breaker_.state();
    blocked_until_ = context_.courier.blocked_until(*notification_, now.steady);
    if (obstacle_ && now.steady >= obstacle_->until) obstacle_.reset();
    const auto hold = hold_reason();
    show_hold(hold, now);
    log_.flush(now.steady);
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
    report_quiet(now);
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
    const Started started{.notification = notification_,
                          .ticket = breaker_.start(),
                          .cost = job.cost(),
                          .retry = &backlog == &retries_,
                          .suspect = Quarantine::is_suspect(job)};
    retry_next_ = !started.retry;
    asio::co_spawn(context_.executor,
                   context_.courier.attempt(notification_, std::move(job), rate_),
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
    learn(started, result);
    tell_of(result);
    if (core::log_enabled(core::LogLevel::kDebug)) {
        core::log(core::LogLevel::kDebug, "callout_attempted",
                  {{"callout", result.update.id.text()},
                   {"notification", notification_->record.name},
                   {"parked", result.parked},
                   {"state", storage::to_string(result.update.state)}});
    }
    if (result.withdrawn) {
        bytes_.give_back(started.cost);
        return pump();
    }
    ++unrecorded_;
    const std::optional<core::StoredTime> due_at = result.update.due_at;
    const int attempts = result.update.attempts;
    const std::size_t answer = result.cost();
    bytes_.take(answer);
    context_.recorder.record(std::move(result), [self = shared_from_this(), due_at, attempts,
                                                 cost = started.cost + answer](bool next_is_due) {
        --self->unrecorded_;
        self->bytes_.give_back(cost);
        if (due_at) self->backlog_of(attempts).note(*due_at);
        next_is_due ? self->wake() : self->pump();
    });
    pump();
}

// What the attempt says about receiver, provider and configuration. The notification may be another
// by now: then it has another provider, which has done nothing wrong, or was just mended.
void Lane::learn(const Started& started, const AttemptResult& result) {
    const core::SteadyTime now = context_.clock.steady_now();
    const CircuitBreaker::State before = breaker_.state();
    breaker_.ended(started.ticket, result.receiver, now);
    tell_breaker(before, result);
    if (result.receiver == ReceiverHealth::kWorks) ramp_.went_well();
    why_held_ = result.auth_error ? result.auth_error->message : result.why;
    const auto provider = started.notification->record.provider();
    if (result.parked && provider == notification_->record.provider()) waits_for_ = provider;
    if (result.hold_for && started.notification == notification_)
        obstacle_ = Obstacle{.reason = result.update.reason.value_or("local_limit"),
                             .until = now + *result.hold_for};
}

void Lane::tell_of(const AttemptResult& result) {
    if (result.update.state != storage::CalloutState::kDead) return;
    boost::json::object fields{{"notification", notification_->record.name},
                               {"callout", result.update.id.text()},
                               {"reason", result.update.reason.value_or("")}};
    add_last_attempt(fields, result);
    log_.tell(core::LogLevel::kWarning, "callout_dead", std::move(fields),
              context_.clock.steady_now());
}

void Lane::tell_breaker(CircuitBreaker::State before, const AttemptResult& result) {
    const CircuitBreaker::State after = breaker_.state();
    if (before == after) return;
    const core::SteadyTime now = context_.clock.steady_now();
    boost::json::object fields{{"notification", notification_->record.name}};
    if (after == CircuitBreaker::State::kClosed)
        return log_.tell(core::LogLevel::kInformation, "breaker_closed", std::move(fields), now);
    if (after != CircuitBreaker::State::kOpen) return;
    add_last_attempt(fields, result);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(breaker_.probe_at() - now);
    fields["next_try"] =
        core::format_time(context_.clock.on_the_wall(context_.clock.stored_now() + wait));
    log_.tell(core::LogLevel::kWarning, "breaker_opened", std::move(fields), now);
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
    std::size_t cost = 0;
    for (const CalloutJob& job : backlog.take_all()) {
        cost += job.cost();
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
                              [self = shared_from_this(), &backlog, count, cost, now](bool) {
                                  self->unrecorded_ -= count;
                                  self->bytes_.give_back(cost);
                                  backlog.note(now);
                                  self->pump();
                              });
}

std::size_t Lane::room(const Backlog& backlog, int held, int share, const Now& now) const {
    if (!backlog.is_due(now.stored)) return 0;
    if (is_probing()) return backlog.waiting() == 0 ? 1 : 0;
    // Asked for early: a claim takes as long as the commit before it and its own.
    const int prefetch = capacity_for(share) - share;
    if (backlog.waiting() >= prefetch / 2) return 0;
    return static_cast<std::size_t>(std::max(0, capacity_for(share) - held));
}

// As many bytes as that many callouts should take, so that one lane's claim leaves room for others.
storage::ClaimLimits Lane::claim_limits(const Now& now) const {
    storage::ClaimLimits limits{
        .first_tries =
            std::min(kMaxClaim,
                     room(first_tries_, reserved_.load(std::memory_order_relaxed), window(), now)),
        .retries = std::min(kMaxClaim, room(retries_, retries_.held(), retry_share(), now))};
    const std::size_t wanted = (limits.first_tries + limits.retries) * 2 * mean_bytes_;
    limits.bytes = std::min(bytes_.claim_room(), std::max(wanted, LaneBytes::kAlways));
    return limits;
}

void Lane::refill(const Now& now) {
    if (unrecorded_ >= kMaxUnrecorded) return;
    const storage::ClaimLimits limits = claim_limits(now);
    if (limits.first_tries + limits.retries == 0 || limits.bytes == 0) return;
    claiming_ = true;
    first_tries_.claim_begins();
    retries_.claim_begins();
    reserved_.fetch_add(static_cast<int>(limits.first_tries), std::memory_order_relaxed);
    bytes_.take(limits.bytes);
    context_.queue.claim_due(
        id_, now.stored, limits,
        [self = shared_from_this(), limits](core::Result<storage::Claim> claim) {
            auto kept = std::make_shared<core::Result<storage::Claim>>(std::move(claim));
            self->context_.mailbox.post([self, kept, limits] {
                self->reserved_.fetch_sub(static_cast<int>(limits.first_tries),
                                          std::memory_order_relaxed);
                self->bytes_.give_back(limits.bytes);
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
    take_in(std::move(claim->callouts));
    pump();
}

void Lane::take_in(std::vector<storage::ClaimedCallout> callouts) {
    std::size_t bytes = 0;
    for (storage::ClaimedCallout& callout : callouts) {
        if (callout.attempts == 0) reserved_.fetch_add(1, std::memory_order_relaxed);
        CalloutJob job{.id = callout.id,
                       .event = std::move(callout.event),
                       .attempts = callout.attempts,
                       .failures = callout.failures,
                       .crashes = callout.crashes};
        bytes_.take(job.cost());
        bytes += job.cost();
        backlog_of(job.attempts).add(std::move(job));
    }
    if (!callouts.empty()) mean_bytes_ = (mean_bytes_ + bytes / callouts.size()) / 2 + 1;
}

void Lane::arm(const Now& now) {
    std::optional<core::SteadyTime> next;
    const auto wake_at = [&next](core::SteadyTime at) {
        if (!next || at < *next) next = at;
    };
    if (breaker_.state() == CircuitBreaker::State::kOpen) wake_at(breaker_.probe_at());
    if (blocked_until_) wake_at(*blocked_until_);
    if (obstacle_) wake_at(obstacle_->until);
    if (const auto flush_at = log_.flush_at()) wake_at(*flush_at);
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

void Lane::report_quiet(const Now& now) {
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
