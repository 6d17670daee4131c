#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "dispatcher/courier.h"
#include "dispatcher/rate_limit.h"
#include "dispatcher/recorder.h"
#include "dispatcher/scheduler.h"
#include "storage/store.h"

namespace herald::dispatcher {

/// What a lane borrows from the worker it is pinned to.
struct LaneContext {
    boost::asio::any_io_executor executor;
    storage::Store& store;
    Courier& courier;
    Recorder& recorder;
    Mailbox& mailbox;
    core::Clock& clock;
    /// Runs on the worker's thread whenever the lane became idle.
    std::function<void()> became_idle;
};

/// One notification's callouts on their way out: window, hold, backlog. A slow receiver fills only
/// its own lane.
///
/// Fresh callouts come straight from memory after COMMIT while there is room and no backlog;
/// everything else is claimed from the store when due. `pump` is the one place that decides what
/// happens next. Threads: the public methods of the first group may be called from any thread, the
/// others on the worker's thread. Lifetime: shared with its running attempts.
class Lane final : public std::enable_shared_from_this<Lane> {
public:
    Lane(LaneContext context, CompiledNotificationPtr notification);

    [[nodiscard]] bool try_reserve();
    /// A reservation is not used; the lane may have waited for just that.
    void give_back();
    [[nodiscard]] bool idle() const { return idle_.load(std::memory_order_acquire); }
    [[nodiscard]] LaneSnapshot snapshot() const;
    [[nodiscard]] std::size_t worker() const { return worker_; }
    void set_worker(std::size_t worker) { worker_ = worker; }

    void enter(CalloutJob job);
    void backlog_grew(core::SystemTime due_at);
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
        core::SystemTime system;
    };
    void pump();
    [[nodiscard]] std::optional<std::string> hold_reason() const;
    [[nodiscard]] bool backlog_is_due(const Now& now) const {
        return next_due_ && *next_due_ <= now.system;
    }
    [[nodiscard]] bool may_start(const Now& now);
    void start(CalloutJob job);
    void finished(std::optional<core::ProviderId> provider, AttemptResult result);
    void release_queue(const std::string& reason);
    void refill(const Now& now);
    void claimed(core::Result<storage::Claim> claim);
    void note_due(core::SystemTime due_at);
    void arm(const Now& now);
    void settle(const Now& now);

    const LaneContext context_;
    const core::NotificationId id_;
    std::size_t worker_ = 0;

    std::atomic<int> reserved_{
        0};  ///< callouts in memory or promised to it: queued, running, or being stored
    std::atomic<int> capacity_{0};
    std::atomic<bool> accepts_{false};  ///< open and without a due backlog
    std::atomic<bool> idle_{false};
    std::atomic<int> on_the_wire_{0};
    std::atomic<bool> held_by_provider_{false};

    CompiledNotificationPtr notification_;
    RateLimit rate_;
    std::deque<CalloutJob> queue_;
    int running_ = 0;
    int unrecorded_ = 0;  ///< answered, outcome not yet durable
    bool claiming_ = false;
    bool closed_ = false;
    std::optional<core::ProviderId> waits_for_;  ///< the provider that had no token
    std::optional<core::SystemTime> next_due_;   ///< of the backlog, as far as known; empty: none
    std::optional<core::SystemTime> due_while_claiming_;
    std::unique_ptr<core::Timer> timer_;
    std::vector<std::function<void()>> drained_;
};

}  // namespace herald::dispatcher
