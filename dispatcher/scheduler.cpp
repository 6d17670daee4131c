#include "dispatcher/scheduler.h"

#include <boost/asio/post.hpp>
#include <future>
#include <shared_mutex>

#include "core/log.h"
#include "dispatcher/lane.h"
#include "dispatcher/worker.h"

namespace herald::dispatcher {
namespace {

namespace asio = boost::asio;
using core::NotificationId;
using LanePtr = std::shared_ptr<Lane>;

constexpr std::chrono::milliseconds kDrainCheck{100};

// Who gives no credentials: the provider, or the notification's own login or signature resource.
const std::string& lacking(const storage::NotificationRecord& record) {
    const auto* oauth = std::get_if<storage::OauthAuth>(&record.auth);
    return oauth == nullptr ? record.name : oauth->provider_name;
}

}  // namespace

class Scheduler::Engine final {
public:
    Engine(storage::CalloutQueue& queue, providers::TokenManager& tokens, core::Clock& clock,
           core::Random& random, SchedulerOptions options)
        : queue_(queue),
          tokens_(tokens),
          clock_(clock),
          random_(random),
          options_(std::move(options)) {}

    core::Result<> start(CataloguePtr catalogue);
    void stop(std::chrono::milliseconds patience);
    void apply(const CataloguePtr& catalogue);
    void drain_lane(NotificationId id);
    void when_idle(std::function<void()> idle);
    std::vector<LaneSnapshot> lanes() const;

    LanePtr find(NotificationId id) const {
        const std::shared_lock lock(mutex_);
        const auto found = lanes_.find(id);
        return found == lanes_.end() ? nullptr : found->second;
    }
    // Runs `action(lane)` on the lane's worker, in a bunch with other messages.
    template <class Action>
    void tell(const LanePtr& lane, Action action) {
        workers_[lane->worker()]->mailbox().post(
            [lane, action = std::move(action)]() mutable { action(*lane); });
    }
    // Runs it in the order of the executor: after everything that was posted there before.
    template <class Action>
    void post(const LanePtr& lane, Action action) {
        asio::post(workers_[lane->worker()]->executor(),
                   [lane, action = std::move(action)]() mutable { action(*lane); });
    }

private:
    LanePtr make_lane(const CompiledNotificationPtr& notification);
    std::vector<LanePtr> all() const;
    std::future<void> close(const std::vector<LanePtr>& lanes);
    void report_if_idle();

    storage::CalloutQueue& queue_;
    providers::TokenManager& tokens_;
    core::Clock& clock_;
    core::Random& random_;
    const SchedulerOptions options_;
    Quarantine quarantine_;
    std::vector<std::unique_ptr<Worker>> workers_;  ///< constant between start and stop
    std::atomic<bool> stopped_{false};
    std::atomic<bool> joined_{false};  ///< no loop runs any more

    mutable std::shared_mutex mutex_;
    std::int64_t applied_version_ = 0;                                 // guarded by mutex_
    std::unordered_map<NotificationId, LanePtr, core::IdHash> lanes_;  // guarded by mutex_
    std::unordered_map<NotificationId, CompiledNotificationPtr, core::IdHash>
        definitions_;  // guarded by mutex_

    std::mutex idle_mutex_;
    std::function<void()> idle_;  // guarded by idle_mutex_
    std::atomic<bool> idle_wanted_{false};
};

core::Result<> Scheduler::Engine::start(CataloguePtr catalogue) {
    for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.workers); ++i) {
        workers_.push_back(std::make_unique<Worker>(options_, queue_, tokens_, clock_, random_));
    }
    tokens_.on_recovery([this](core::ProviderId provider) {
        if (stopped_) return;
        for (const LanePtr& lane : all())
            post(lane, [provider](Lane& woken) { woken.provider_recovered(provider); });
    });
    apply(catalogue);
    for (std::size_t i = 0; i < workers_.size(); ++i) workers_[i]->start(i);
    return {};
}

LanePtr Scheduler::Engine::make_lane(const CompiledNotificationPtr& notification) {
    const std::size_t number = core::IdHash{}(notification->record.id) % workers_.size();
    Worker& worker = *workers_[number];
    LaneContext context{.executor = worker.executor(),
                        .queue = queue_,
                        .courier = worker.courier(),
                        .recorder = worker.recorder(),
                        .quarantine = quarantine_,
                        .mailbox = worker.mailbox(),
                        .clock = clock_,
                        .random = random_,
                        .became_idle = [this] {
                            if (idle_wanted_.load(std::memory_order_relaxed)) report_if_idle();
                        }};
    auto lane = std::make_shared<Lane>(std::move(context), notification);
    lane->set_worker(number);
    return lane;
}

void Scheduler::Engine::apply(const CataloguePtr& catalogue) {
    if (stopped_) return;
    const std::unique_lock lock(mutex_);
    if (catalogue->version < applied_version_)
        return;  // two changes at once: the newer one has been here
    applied_version_ = catalogue->version;
    definitions_.clear();
    for (const Catalogue::Entry& entry : catalogue->entries) {
        const NotificationId id = entry.notification->record.id;
        LanePtr& lane = lanes_[id];
        if (!lane) lane = make_lane(entry.notification);
        definitions_[id] = entry.notification;
        post(lane, [adopted = entry.notification](Lane& target) { target.apply(adopted); });
    }
    std::erase_if(lanes_, [&](const auto& entry) {
        const bool gone = !definitions_.contains(entry.first);
        if (gone) post(entry.second, [](Lane& ended) { ended.close([] {}); });
        return gone;
    });
}

std::vector<LanePtr> Scheduler::Engine::all() const {
    const std::shared_lock lock(mutex_);
    std::vector<LanePtr> lanes;
    lanes.reserve(lanes_.size());
    for (const auto& [id, lane] : lanes_) lanes.push_back(lane);
    return lanes;
}

std::future<void> Scheduler::Engine::close(const std::vector<LanePtr>& lanes) {
    auto left = std::make_shared<std::atomic<std::size_t>>(lanes.size());
    auto promise = std::make_shared<std::promise<void>>();
    auto drained = [left, promise] {
        if (left->fetch_sub(1) == 1) promise->set_value();
    };
    if (lanes.empty()) promise->set_value();
    for (const LanePtr& lane : lanes)
        post(lane, [drained](Lane& closing) { closing.close(drained); });
    return promise->get_future();
}

void Scheduler::Engine::drain_lane(NotificationId id) {
    const LanePtr lane = find(id);
    if (!lane) return;
    const std::future<void> drained = close({lane});
    // A stop that cuts attempts off ends the loop that would tell us.
    while (drained.wait_for(kDrainCheck) != std::future_status::ready) {
        if (joined_) return;
    }
}

void Scheduler::Engine::stop(std::chrono::milliseconds patience) {
    if (workers_.empty() || stopped_.exchange(true)) return;
    if (close(all()).wait_for(patience) != std::future_status::ready) {
        core::log(
            core::LogLevel::kWarning, "attempts_cut_off",
            {{"why",
              "still in flight after the time to stop; they are due again at the next start"}});
    }
    for (const auto& worker : workers_) worker->join();
    joined_ = true;
}

void Scheduler::Engine::when_idle(std::function<void()> idle) {
    {
        const std::scoped_lock lock(idle_mutex_);
        idle_ = std::move(idle);
    }
    idle_wanted_ = true;
    report_if_idle();
}

void Scheduler::Engine::report_if_idle() {
    for (const LanePtr& lane : all()) {
        if (!lane->idle()) return;
    }
    std::function<void()> idle;
    {
        const std::scoped_lock lock(idle_mutex_);
        idle.swap(idle_);
    }
    idle_wanted_ = false;
    if (idle) idle();
}

std::vector<LaneSnapshot> Scheduler::Engine::lanes() const {
    const std::shared_lock lock(mutex_);
    std::vector<LaneSnapshot> snapshots;
    for (const auto& [id, lane] : lanes_) {
        const storage::NotificationRecord& record = definitions_.at(id)->record;
        LaneSnapshot snapshot = lane->snapshot();
        const bool broken = snapshot.breaker == CircuitBreaker::State::kOpen;
        snapshot.state = !record.enabled ? "disabled"
                         : record.paused ? "paused"
                         : broken        ? "breaker_open"
                                         : "open";
        if (snapshot.held_by) *snapshot.held_by += ":" + lacking(record);
        snapshots.push_back(std::move(snapshot));
    }
    return snapshots;
}

Scheduler::Scheduler(storage::CalloutQueue& queue, providers::TokenManager& tokens,
                     core::Clock& clock, core::Random& random, SchedulerOptions options)
    : engine_(std::make_unique<Engine>(queue, tokens, clock, random, std::move(options))) {}

Scheduler::~Scheduler() {
    stop(std::chrono::milliseconds(0));
}

core::Result<> Scheduler::start(CataloguePtr catalogue) {
    return engine_->start(std::move(catalogue));
}
void Scheduler::stop(std::chrono::milliseconds patience) {
    engine_->stop(patience);
}
void Scheduler::apply(CataloguePtr catalogue) {
    engine_->apply(catalogue);
}
void Scheduler::drain_lane(NotificationId lane) {
    engine_->drain_lane(lane);
}
void Scheduler::wake(NotificationId lane) {
    if (const LanePtr found = engine_->find(lane))
        engine_->tell(found, [](Lane& target) { target.wake(); });
}
std::vector<LaneSnapshot> Scheduler::lanes() const {
    return engine_->lanes();
}
void Scheduler::when_idle(std::function<void()> idle) {
    engine_->when_idle(std::move(idle));
}

bool Scheduler::try_reserve(NotificationId lane) {
    const LanePtr found = engine_->find(lane);
    return found && found->try_reserve();
}

void Scheduler::enter(NotificationId lane, core::CalloutId callout, storage::EventPtr event) {
    const LanePtr found = engine_->find(lane);
    if (!found) return;  // deleted meanwhile: the store has it, and says what became of it
    engine_->tell(found, [callout, event = std::move(event)](Lane& target) mutable {
        target.enter({.id = callout, .event = std::move(event)});
    });
}

void Scheduler::give_back(NotificationId lane) {
    if (const LanePtr found = engine_->find(lane)) found->give_back();
}

void Scheduler::backlog_grew(NotificationId lane, core::StoredTime due_at) {
    if (const LanePtr found = engine_->find(lane)) {
        engine_->tell(found, [due_at](Lane& target) { target.backlog_grew(due_at); });
    }
}

}  // namespace herald::dispatcher
