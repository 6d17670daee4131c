#include "dispatcher/history_pruner.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "core/await.h"
#include "core/log.h"

namespace herald::dispatcher {
namespace {

using storage::Pruned;

using std::chrono::milliseconds;

constexpr milliseconds kBetweenSteps{5};
constexpr milliseconds kAfterStepWithoutEffect{100};
constexpr milliseconds kLongestPause{1'000};
constexpr std::chrono::minutes kBetweenWalks{1};

/// Leaves nineteen twentieths of the writer's time to others. A step that had to wait for its turn
/// counts as a long one: those before it need the writer more.
milliseconds pause_after(core::SteadyTime::duration step, bool removed_anything) {
    const milliseconds least = removed_anything ? kBetweenSteps : kAfterStepWithoutEffect;
    const auto share = std::chrono::ceil<milliseconds>(19 * step);
    return std::clamp(share, least, kLongestPause);
}

}  // namespace

class HistoryPruner::Walker final : public std::enable_shared_from_this<Walker> {
public:
    Walker(storage::HistoryStore& store, core::Clock& clock, boost::asio::any_io_executor executor,
           HistoryLimits limits)
        : store_(store),
          clock_(clock),
          executor_(std::move(executor)),
          limits_(limits),
          timer_(clock.make_timer(executor_)) {}

    void start() {
        if (!limits_.max_age && !limits_.max_bytes) return;
        boost::asio::co_spawn(executor_, walk_for_ever(shared_from_this()), boost::asio::detached);
    }
    void stop() {
        if (stopping_.exchange(true)) return;
        boost::asio::post(executor_, [self = shared_from_this()] { self->timer_->cancel(); });
    }
    [[nodiscard]] std::int64_t events_pruned() const { return events_pruned_; }

private:
    // `self` keeps the object while the coroutine is suspended.
    static boost::asio::awaitable<void> walk_for_ever(std::shared_ptr<Walker> self) {
        while (!self->stopping_) {
            co_await self->walk();
            co_await self->pause(kBetweenWalks);
        }
    }

    boost::asio::awaitable<void> walk() {
        std::int64_t events = 0;
        std::optional<std::int64_t> resume_after = 0;
        while (resume_after && !stopping_) {
            const core::SteadyTime began = clock_.steady_now();
            const core::Result<Pruned> pruned = co_await step(*resume_after);
            const auto took = clock_.steady_now() - began;
            resume_after = note(pruned, events);
            if (resume_after) co_await pause(pause_after(took, pruned->events > 0));
        }
        if (events > 0)
            core::log(core::LogLevel::kInformation, "history_pruned", {{"events", events}});
    }

    boost::asio::awaitable<core::Result<Pruned>> step(std::int64_t resume_after) {
        auto start = [this, resume_after](core::Done<Pruned> done) {
            store_.prune_history(bounds(), resume_after, std::move(done));
        };
        return core::await_done<Pruned>(std::move(start));
    }

    /// Where the next step goes on; empty where the walk is over.
    std::optional<std::int64_t> note(const core::Result<Pruned>& pruned, std::int64_t& events) {
        if (pruned) {
            events += pruned->events;
            events_pruned_ += pruned->events;
            return pruned->resume_after;
        }
        if (!stopping_)
            core::log(core::LogLevel::kError, "history_not_pruned",
                      {{"code", pruned.error().code}, {"message", pruned.error().message}});
        return std::nullopt;
    }

    [[nodiscard]] storage::HistoryBounds bounds() const {
        storage::HistoryBounds bounds;
        if (limits_.max_age) bounds.keep_since = clock_.stored_now() - *limits_.max_age;
        bounds.max_bytes = limits_.max_bytes;
        return bounds;
    }

    boost::asio::awaitable<void> pause(milliseconds time) {
        timer_->expires_at(clock_.steady_now() + time);
        // A stop that came before its cancellation can find nobody waiting.
        if (!stopping_) co_await timer_->wait();
    }

    storage::HistoryStore& store_;
    core::Clock& clock_;
    const boost::asio::any_io_executor executor_;
    const HistoryLimits limits_;
    const std::unique_ptr<core::Timer> timer_;  // on executor_
    std::atomic<bool> stopping_ = false;
    std::atomic<std::int64_t> events_pruned_ = 0;
};

HistoryPruner::HistoryPruner(storage::HistoryStore& store, core::Clock& clock,
                             boost::asio::any_io_executor executor, HistoryLimits limits)
    : walker_(std::make_shared<Walker>(store, clock, std::move(executor), limits)) {}

void HistoryPruner::start() {
    walker_->start();
}

void HistoryPruner::stop() {
    walker_->stop();
}

std::int64_t HistoryPruner::events_pruned() const {
    return walker_->events_pruned();
}

}  // namespace herald::dispatcher
