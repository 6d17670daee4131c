#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/random.h"
#include "dispatcher/backlog.h"
#include "dispatcher/byte_budget.h"
#include "dispatcher/circuit_breaker.h"
#include "dispatcher/courier.h"
#include "dispatcher/lane_log.h"
#include "dispatcher/quarantine.h"
#include "dispatcher/ramp.h"
#include "dispatcher/rate_limit.h"
#include "dispatcher/recorder.h"
#include "dispatcher/scheduler.h"
#include "storage/callout_queue.h"

namespace herald::dispatcher {

/// What a lane borrows from the worker it is pinned to.
struct LaneContext {
    boost::asio::any_io_executor executor;
    storage::CalloutQueue& queue;
    Courier& courier;
    Recorder& recorder;
    Quarantine& quarantine;
    Mailbox& mailbox;
    core::Clock& clock;
    core::Random& random;
    std::shared_ptr<ByteBudget> bytes;
    /// Runs on the worker's thread whenever the lane became idle.
    std::function<void()> became_idle;
};

/// One notification's callouts on their way out: window, rate, breaker, hold, backlog. A slow
/// receiver fills only its own lane.
///
/// Fresh callouts come straight from memory after COMMIT while there is room and no backlog of
/// their kind; everything else is claimed from the store when due. Room is counted in callouts and
/// in bytes. Late retries get at most half of the window, so that first tries always find a slot.
/// After a hold the window opens step by step. `pump` is the one place that decides what happens
/// next.
///
/// Threads: the public methods of the first group may be called from any thread, the others on the
/// worker's thread. Lifetime: shared with its running attempts.
class Lane final : public std::enable_shared_from_this<Lane> {
public:
    Lane(LaneContext context, CompiledNotificationPtr notification);

    [[nodiscard]] bool try_reserve(std::size_t cost);
    /// A reservation is not used; the lane may have waited for just that.
    void unreserve(std::size_t cost);
    [[nodiscard]] bool idle() const { return idle_.load(std::memory_order_acquire); }
    [[nodiscard]] LaneSnapshot snapshot() const;
    [[nodiscard]] std::size_t worker() const { return worker_; }
    void set_worker(std::size_t worker) { worker_ = worker; }

    void accept(CalloutJob job);
    void backlog_grew(core::StoredTime due_at);
    /// Something of either kind may be due.
    void wake();
    /// See Scheduler::probe.
    void probe();
    void apply(CompiledNotificationPtr notification);
    /// The provider can give tokens again.
    void provider_recovered(core::ProviderId provider);
    /// Nothing more is started. `drained` runs once nothing is in flight any more.
    void close(std::function<void()> drained);

private:
    /// One moment, taken once: deciding and arming must agree on it, or a wake-up is lost between
    /// them.
    struct Now {
        core::SteadyTime steady;
        core::StoredTime stored;
    };
    /// What to remember of an attempt until it ends.
    struct Started {
        CompiledNotificationPtr notification;
        CircuitBreaker::Ticket ticket;
        std::size_t cost;
        bool retry;
        bool suspect;
    };
    /// Why nothing of this lane can leave, through no fault of receiver or event.
    struct Obstacle {
        std::string reason;
        core::SteadyTime until;
    };
    void pump();
    [[nodiscard]] std::optional<std::string> hold_reason() const;
    /// When the lane looks again, where it is held and knows.
    [[nodiscard]] std::optional<core::SteadyTime> held_until() const;
    void show_hold(const std::optional<std::string>& reason, const Now& now);
    void start_what_may(const Now& now);
    /// Null where nothing may start now.
    [[nodiscard]] Backlog* next_to_start();
    /// False where a suspect has to wait for another one to end.
    [[nodiscard]] bool admit(const Backlog& backlog);
    void start(Backlog& backlog);
    void finished(const Started& started, AttemptResult result);
    void learn(const Started& started, const AttemptResult& result);
    void tell_of(const AttemptResult& result);
    void tell_breaker(CircuitBreaker::State before, const AttemptResult& result);
    void release_queues(const std::string& reason);
    void release(Backlog& backlog, const std::string& reason);
    void refill(const Now& now);
    [[nodiscard]] storage::ClaimLimits claim_limits(const Now& now) const;
    [[nodiscard]] std::size_t room(const Backlog& backlog, int held, int share,
                                   const Now& now) const;
    void claimed(core::Result<storage::Claim> claim);
    void take_in(std::vector<storage::ClaimedCallout> callouts);
    void arm(const Now& now);
    void report_quiet(const Now& now);
    [[nodiscard]] bool is_probing() const {
        return breaker_.state() == CircuitBreaker::State::kHalfOpen;
    }
    [[nodiscard]] int window() const;
    [[nodiscard]] bool has_slot() const;
    [[nodiscard]] int retry_share() const { return std::max(1, window() / 2); }
    [[nodiscard]] int running() const { return first_tries_.running + retries_.running; }
    [[nodiscard]] Backlog& backlog_of(int attempts) {
        return attempts > 0 ? retries_ : first_tries_;
    }

    const LaneContext context_;
    const core::NotificationId id_;
    std::size_t worker_ = 0;

    std::atomic<int> reserved_{0};  ///< first tries in memory or promised to it
    std::atomic<int> capacity_{0};
    std::atomic<bool> accepts_{false};  ///< open and without a due backlog of first tries
    std::atomic<bool> idle_{false};
    std::atomic<int> on_the_wire_{0};
    std::atomic<CircuitBreaker::State> breaker_state_{CircuitBreaker::State::kClosed};

    LaneBytes bytes_;
    mutable std::mutex shown_mutex_;
    std::optional<std::string> shown_hold_;             // guarded by shown_mutex_
    std::optional<core::StoredTime> shown_held_until_;  // guarded by shown_mutex_

    CompiledNotificationPtr notification_;
    LaneLog log_;
    RateLimit rate_;
    CircuitBreaker breaker_;
    Ramp ramp_;
    Backlog first_tries_;
    Backlog retries_;
    bool retry_next_ = false;  ///< whose turn it is where both wait
    bool was_held_ = false;
    bool suspect_waits_ = false;  ///< the oldest retry, for the quarantine
    int unrecorded_ = 0;          ///< answered, outcome not yet durable
    bool claiming_ = false;
    bool closed_ = false;
    bool damaged_ = false;  ///< what the store has of this lane contradicts itself
    std::optional<core::ProviderId> waits_for_;  ///< the provider that had no token
    /// After a failed login or request for a single-use token.
    std::optional<core::SteadyTime> blocked_until_;
    std::optional<Obstacle> obstacle_;
    std::optional<std::string> why_held_;  ///< as the last attempt told it
    std::size_t mean_bytes_ = 4096;        ///< of a callout that is claimed, about
    std::unique_ptr<core::Timer> timer_;
    std::vector<std::function<void()>> drained_;
};

}  // namespace herald::dispatcher
