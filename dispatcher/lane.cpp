#include "dispatcher/lane.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/log.h"

namespace herald::dispatcher {
namespace {

namespace asio = boost::asio;

constexpr int kMaxPrefetch = 256;
constexpr int kMaxUnrecorded = 4096;
constexpr std::size_t kMaxClaim = 256;

// Room in memory: what may be on the wire, and a little more so that a free slot never waits for
// the store.
int capacity_of(const storage::NotificationRecord& record) {
    return record.max_in_flight + std::clamp(record.max_in_flight, 8, kMaxPrefetch);
}

}  // namespace

Lane::Lane(LaneContext context, CompiledNotificationPtr notification)
    : context_(std::move(context)),
      id_(notification->record.id),
      capacity_(capacity_of(notification->record)),
      notification_(std::move(notification)),
      rate_(notification_->record.rate_per_s),
      next_due_(core::SystemTime{}),  // not known yet: the first pump looks
      timer_(context_.clock.make_timer(context_.executor)) {}

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
            .breaker = "closed",
            .held_by = held_by_provider_.load() ? std::optional<std::string>("auth_unavailable")
                                                : std::nullopt,
            .in_flight = on_the_wire_.load()};
}

void Lane::enter(CalloutJob job) {
    queue_.push_back(std::move(job));
    pump();
}

void Lane::backlog_grew(core::SystemTime due_at) {
    note_due(due_at);
    pump();
}

void Lane::apply(CompiledNotificationPtr notification) {
    const bool same_provider = notification->record.provider() == notification_->record.provider();
    notification_ = std::move(notification);
    capacity_ = capacity_of(notification_->record);
    if (rate_.per_second() != notification_->record.rate_per_s)
        rate_ = RateLimit(notification_->record.rate_per_s);
    if (drained_.empty()) closed_ = false;  // else somebody waits for its end
    if (!same_provider) waits_for_.reset();
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
    if (waits_for_)
        return "auth_unavailable:" +
               std::get<storage::OauthAuth>(notification_->record.auth).provider_name;
    return std::nullopt;
}

void Lane::pump() {
    const Now now{.steady = context_.clock.steady_now(), .system = context_.clock.system_now()};
    const auto hold = hold_reason();
    held_by_provider_ = waits_for_.has_value();
    if (hold) {
        accepts_ = false;
        release_queue(*hold);
    } else {
        while (may_start(now)) {
            CalloutJob job = std::move(queue_.front());
            queue_.pop_front();
            start(std::move(job));
        }
        // The oldest go first: while a backlog is due, fresh callouts queue up behind it in the
        // store.
        accepts_ = !backlog_is_due(now);
        if (!accepts_ && !claiming_) refill(now);
        arm(now);
    }
    settle(now);
}

bool Lane::may_start(const Now& now) {
    return !queue_.empty() && running_ < notification_->record.max_in_flight &&
           unrecorded_ < kMaxUnrecorded && rate_.try_take(now.steady);
}

void Lane::start(CalloutJob job) {
    ++running_;
    on_the_wire_.fetch_add(1, std::memory_order_relaxed);
    asio::co_spawn(context_.executor, context_.courier.attempt(notification_, std::move(job)),
                   [self = shared_from_this(), provider = notification_->record.provider()](
                       const std::exception_ptr& failure, AttemptResult result) {
                       if (failure)
                           std::rethrow_exception(failure);  // a bug: nothing in an attempt throws
                       self->finished(provider, std::move(result));
                   });
}

void Lane::finished(std::optional<core::ProviderId> provider, AttemptResult result) {
    --running_;
    on_the_wire_.fetch_sub(1, std::memory_order_relaxed);
    reserved_.fetch_sub(1);
    // The notification may have another provider by now, which has done nothing wrong.
    if (result.parked && provider == notification_->record.provider()) waits_for_ = provider;
    if (core::log_enabled(core::LogLevel::kDebug)) {
        core::log(core::LogLevel::kDebug, "callout_attempted",
                  {{"callout", result.update.id.text()},
                   {"notification", notification_->record.name},
                   {"parked", result.parked},
                   {"state", storage::to_string(result.update.state)}});
    }
    ++unrecorded_;
    const std::optional<core::SystemTime> due_at = result.update.due_at;
    context_.recorder.record(std::move(result), [self = shared_from_this(), due_at] {
        --self->unrecorded_;
        if (due_at) self->note_due(*due_at);
        self->pump();
    });
    pump();
}

// Held: what waits in memory goes back where everybody can see why it waits.
void Lane::release_queue(const std::string& reason) {
    if (queue_.empty()) return;
    const core::SystemTime now = context_.clock.system_now();
    std::vector<storage::CalloutUpdate> updates;
    updates.reserve(queue_.size());
    for (const CalloutJob& job : queue_) {
        updates.push_back({.id = job.id,
                           .state = storage::CalloutState::kPending,
                           .reason = reason.empty() ? std::nullopt : std::optional(reason),
                           .due_at = now,
                           .attempts = job.attempts,
                           .failures = job.failures});
    }
    const int count = static_cast<int>(queue_.size());
    queue_.clear();
    reserved_.fetch_sub(count);
    unrecorded_ += count;
    context_.recorder.release(std::move(updates), [self = shared_from_this(), count, now] {
        self->unrecorded_ -= count;
        self->note_due(now);
        self->pump();
    });
}

void Lane::refill(const Now& now) {
    const int room =
        capacity_.load(std::memory_order_relaxed) - reserved_.load(std::memory_order_relaxed);
    const int low = std::max(1, notification_->record.max_in_flight / 2);
    const bool enough = static_cast<int>(queue_.size()) >= low;
    if (room <= 0 || enough || unrecorded_ >= kMaxUnrecorded) return;
    claiming_ = true;
    due_while_claiming_.reset();
    const auto limit = std::min(static_cast<std::size_t>(room), kMaxClaim);
    reserved_.fetch_add(static_cast<int>(limit), std::memory_order_relaxed);
    context_.store.claim_due(
        id_, now.system, limit,
        [self = shared_from_this(), limit](core::Result<storage::Claim> claim) {
            auto kept = std::make_shared<core::Result<storage::Claim>>(std::move(claim));
            self->context_.mailbox.post([self, kept, limit] {
                const std::size_t count = *kept ? (*kept)->callouts.size() : 0;
                self->reserved_.fetch_sub(static_cast<int>(limit - count),
                                          std::memory_order_relaxed);
                self->claimed(std::move(*kept));
            });
        });
}

void Lane::claimed(core::Result<storage::Claim> claim) {
    claiming_ = false;
    if (!claim) {
        core::log(core::LogLevel::kError, "claim_failed", {{"error", claim.error().message}});
        next_due_ = context_.clock.system_now() + std::chrono::seconds(1);
        return pump();
    }
    next_due_ = claim->next_due_at;
    if (due_while_claiming_) note_due(*due_while_claiming_);
    for (storage::ClaimedCallout& callout : claim->callouts) {
        queue_.push_back({.id = callout.id,
                          .event = std::move(callout.event),
                          .attempts = callout.attempts,
                          .failures = callout.failures});
    }
    pump();
}

void Lane::note_due(core::SystemTime due_at) {
    if (!next_due_ || due_at < *next_due_) next_due_ = due_at;
    if (claiming_ && (!due_while_claiming_ || due_at < *due_while_claiming_))
        due_while_claiming_ = due_at;
}

void Lane::arm(const Now& now) {
    std::optional<core::SteadyTime> next;
    // A backlog that is due already waits for a free slot, not for a time.
    if (next_due_ && !backlog_is_due(now)) next = now.steady + (*next_due_ - now.system);
    const bool slot_free = !queue_.empty() && running_ < notification_->record.max_in_flight;
    const core::SteadyTime permit_at = slot_free ? rate_.next_at(now.steady) : now.steady;
    if (permit_at > now.steady && (!next || permit_at < *next)) next = permit_at;
    if (!next) return;
    timer_->expires_at(*next);
    timer_->on_expiry([weak = weak_from_this()](bool fired) {
        const auto self = weak.lock();
        if (fired && self) self->pump();
    });
}

void Lane::settle(const Now& now) {
    const bool quiet =
        running_ == 0 && unrecorded_ == 0 && !claiming_ && queue_.empty() && reserved_.load() == 0;
    if (quiet && closed_) {
        for (const auto& drained : std::exchange(drained_, {})) drained();
    }
    const bool held = hold_reason().has_value();
    const bool idle = quiet && (held || !backlog_is_due(now));
    idle_.store(idle, std::memory_order_release);
    if (idle) context_.became_idle();
}

}  // namespace herald::dispatcher
