#include "dispatcher/wall_watch.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "core/log.h"

namespace herald::dispatcher {
namespace {

constexpr std::chrono::seconds kBetweenLooks{1};
constexpr std::chrono::minutes kKeptEvery{10};

}  // namespace

class WallWatch::Looker final : public std::enable_shared_from_this<Looker> {
public:
    Looker(storage::MaintenanceStore& store, core::Clock& clock,
           boost::asio::any_io_executor executor)
        : store_(store),
          clock_(clock),
          executor_(std::move(executor)),
          timer_(clock.make_timer(executor_)) {}

    void start() {
        boost::asio::co_spawn(executor_, look_for_ever(shared_from_this()), boost::asio::detached);
    }
    void stop() {
        if (stopping_.exchange(true)) return;
        boost::asio::post(executor_, [self = shared_from_this()] { self->timer_->cancel(); });
    }

private:
    // `self` keeps the object while the coroutine is suspended.
    static boost::asio::awaitable<void> look_for_ever(std::shared_ptr<Looker> self) {
        while (!self->stopping_) {
            self->look();
            self->timer_->expires_at(self->clock_.steady_now() + kBetweenLooks);
            // A stop that came before its cancellation can find nobody waiting.
            if (!self->stopping_) co_await self->timer_->wait();
        }
    }

    void look() {
        const auto jump = clock_.notice_wall_jump();
        if (jump) tell(*jump);
        if (!jump && clock_.steady_now() < keep_at_) return;
        keep_at_ = clock_.steady_now() + kKeptEvery;
        store_.keep_time(clock_.to_keep(), [](const core::Result<>& kept) {
            if (!kept)
                core::log(core::LogLevel::kError, "time_line_not_kept",
                          {{"code", kept.error().code}, {"message", kept.error().message}});
        });
    }

    static void tell(std::chrono::milliseconds jump) {
        const double seconds = std::chrono::duration<double>(jump).count();
        core::log(core::LogLevel::kWarning, "wall_clock_jumped",
                  {{"by_s", seconds},
                   {"meaning", "no due time and no age moved; times are shown by the new clock"}});
    }

    storage::MaintenanceStore& store_;
    core::Clock& clock_;
    const boost::asio::any_io_executor executor_;
    const std::unique_ptr<core::Timer> timer_;  // on executor_
    core::SteadyTime keep_at_{};
    std::atomic<bool> stopping_ = false;
};

WallWatch::WallWatch(storage::MaintenanceStore& store, core::Clock& clock,
                     boost::asio::any_io_executor executor)
    : looker_(std::make_shared<Looker>(store, clock, std::move(executor))) {}

void WallWatch::start() {
    looker_->start();
}

void WallWatch::stop() {
    looker_->stop();
}

}  // namespace herald::dispatcher
