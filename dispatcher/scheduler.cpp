#include "dispatcher/scheduler.h"

#include <boost/asio/post.hpp>
#include <future>
#include <shared_mutex>
#include <unordered_set>

#include "core/log.h"
#include "dispatcher/lane.h"
#include "dispatcher/worker.h"

namespace herald::dispatcher {
namespace {

namespace asio = boost::asio;
using core::NotificationId;
using LanePtr = std::shared_ptr<Lane>;

/// Who waits for a lane to be drained. Told once each: by the lane, or by a stop that cuts off what
/// the lane still waits for.
class Draining final {
public:
    std::uint64_t add(std::function<void()> drained) {
        const std::scoped_lock lock(mutex_);
        waiting_.emplace(++last_, std::move(drained));
        return last_;
    }
    void tell(std::uint64_t ticket) {
        std::unique_lock lock(mutex_);
        const auto told = waiting_.extract(ticket);
        lock.unlock();
        if (told) told.mapped()();
    }
    void tell_all() {
        std::unique_lock lock(mutex_);
        const auto told = std::exchange(waiting_, {});
        lock.unlock();
        for (const auto& [ticket, drained] : told) drained();
    }

private:
    std::mutex mutex_;
    std::uint64_t last_ = 0;                                            // guarded by mutex_
    std::unordered_map<std::uint64_t, std::function<void()>> waiting_;  // guarded by mutex_
};

}  // namespace

class Scheduler::Impl final {
public:
    Impl(storage::CalloutQueue& queue, providers::TokenManager& tokens, core::Clock& clock,
         core::Random& random, SchedulerOptions options)
        : queue_(queue),
          tokens_(tokens),
          clock_(clock),
          random_(random),
          options_(std::move(options)),
          bytes_(std::make_shared<ByteBudget>(options_.most_bytes)) {}

    core::Result<> start(CataloguePtr catalogue);
    void stop(std::chrono::milliseconds patience);
    void apply(NotificationId id);
    void drain_lane(NotificationId id, std::function<void()> drained);
    void when_idle(std::function<void()> idle);
    std::vector<LaneSnapshot> lanes() const;
    std::optional<LaneSnapshot> lane(NotificationId id) const;

    LanePtr find(NotificationId id) const {
        const std::shared_lock lock(mutex_);
        const auto found = lanes_.find(id);
        return found == lanes_.end() ? nullptr : found->second.lane;
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
    struct Entry {
        LanePtr lane;
        CompiledNotificationPtr definition;
    };
    LanePtr make_lane(const CompiledNotificationPtr& notification);
    void adopt(const CompiledNotificationPtr& notification);  // REQUIRES: mutex_ is held
    void forget_user(const CompiledNotificationPtr& notification);
    static LaneSnapshot snapshot_of(const Entry& entry);
    std::vector<LanePtr> all() const;
    std::vector<LanePtr> users_of(core::ProviderId provider) const;
    std::future<void> close(const std::vector<LanePtr>& lanes);
    void report_if_idle();

    storage::CalloutQueue& queue_;
    providers::TokenManager& tokens_;
    core::Clock& clock_;
    core::Random& random_;
    const SchedulerOptions options_;
    Quarantine quarantine_;
    const std::shared_ptr<ByteBudget> bytes_;
    std::vector<std::unique_ptr<Worker>> workers_;  ///< constant between start and stop
    std::atomic<bool> stopped_{false};
    const std::shared_ptr<Draining> draining_ = std::make_shared<Draining>();

    CataloguePtr catalogue_;  ///< constant between start and stop
    mutable std::shared_mutex mutex_;
    std::unordered_map<NotificationId, Entry, core::IdHash> lanes_;  // guarded by mutex_
    std::unordered_map<core::ProviderId, std::unordered_set<NotificationId, core::IdHash>,
                       core::IdHash>
        users_;  // guarded by mutex_; of each provider

    std::mutex idle_mutex_;
    std::function<void()> idle_;  // guarded by idle_mutex_
    std::atomic<bool> idle_wanted_{false};
};

core::Result<> Scheduler::Impl::start(CataloguePtr catalogue) {
    for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.workers); ++i) {
        workers_.push_back(std::make_unique<Worker>(options_, queue_, tokens_, clock_, random_));
    }
    tokens_.on_recovery([this](core::ProviderId provider) {
        if (stopped_) return;
        for (const LanePtr& lane : users_of(provider))
            post(lane, [provider](Lane& woken) { woken.provider_recovered(provider); });
    });
    catalogue_ = std::move(catalogue);
    {
        const std::unique_lock lock(mutex_);
        for (const CompiledNotificationPtr& notification : catalogue_->all()) adopt(notification);
    }
    for (std::size_t i = 0; i < workers_.size(); ++i) workers_[i]->start(i);
    return {};
}

LanePtr Scheduler::Impl::make_lane(const CompiledNotificationPtr& notification) {
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
                        .bytes = bytes_,
                        .became_idle = [this] {
                            if (idle_wanted_.load(std::memory_order_relaxed)) report_if_idle();
                        }};
    auto lane = std::make_shared<Lane>(std::move(context), notification);
    lane->set_worker(number);
    return lane;
}

// Looked up under the lock: of two changes at once the later one here finds the newer definition.
void Scheduler::Impl::apply(NotificationId id) {
    if (stopped_) return;
    const std::unique_lock lock(mutex_);
    if (const auto notification = catalogue_->find(id)) return adopt(notification);
    const auto found = lanes_.find(id);
    if (found == lanes_.end()) return;
    forget_user(found->second.definition);
    post(found->second.lane, [](Lane& ended) { ended.close([] {}); });
    lanes_.erase(found);
}

void Scheduler::Impl::adopt(const CompiledNotificationPtr& notification) {
    Entry& entry = lanes_[notification->record.id];
    if (!entry.lane) entry.lane = make_lane(notification);
    if (entry.definition) forget_user(entry.definition);
    entry.definition = notification;
    if (const auto provider = notification->record.provider())
        users_[*provider].insert(notification->record.id);
    post(entry.lane, [notification](Lane& target) { target.apply(notification); });
}

void Scheduler::Impl::forget_user(const CompiledNotificationPtr& notification) {
    const auto provider = notification->record.provider();
    const auto users = provider ? users_.find(*provider) : users_.end();
    if (users == users_.end()) return;
    users->second.erase(notification->record.id);
    if (users->second.empty()) users_.erase(users);
}

std::vector<LanePtr> Scheduler::Impl::users_of(core::ProviderId provider) const {
    const std::shared_lock lock(mutex_);
    std::vector<LanePtr> lanes;
    const auto users = users_.find(provider);
    if (users == users_.end()) return lanes;
    for (const NotificationId& id : users->second) lanes.push_back(lanes_.at(id).lane);
    return lanes;
}

std::vector<LanePtr> Scheduler::Impl::all() const {
    const std::shared_lock lock(mutex_);
    std::vector<LanePtr> lanes;
    lanes.reserve(lanes_.size());
    for (const auto& [id, entry] : lanes_) lanes.push_back(entry.lane);
    return lanes;
}

std::future<void> Scheduler::Impl::close(const std::vector<LanePtr>& lanes) {
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

void Scheduler::Impl::drain_lane(NotificationId id, std::function<void()> drained) {
    const LanePtr lane = find(id);
    if (!lane) return drained();
    const std::uint64_t ticket = draining_->add(std::move(drained));
    // No loop runs any more that would tell.
    if (stopped_) return draining_->tell(ticket);
    post(lane, [draining = draining_, ticket](Lane& closing) {
        closing.close([draining, ticket] { draining->tell(ticket); });
    });
}

void Scheduler::Impl::stop(std::chrono::milliseconds patience) {
    if (workers_.empty() || stopped_.exchange(true)) return;
    if (close(all()).wait_for(patience) != std::future_status::ready) {
        core::log(
            core::LogLevel::kWarning, "attempts_cut_off",
            {{"why",
              "still in flight after the time to stop; they are due again at the next start"}});
    }
    for (const auto& worker : workers_) worker->join();
    draining_->tell_all();
}

void Scheduler::Impl::when_idle(std::function<void()> idle) {
    {
        const std::scoped_lock lock(idle_mutex_);
        idle_ = std::move(idle);
    }
    idle_wanted_ = true;
    report_if_idle();
}

void Scheduler::Impl::report_if_idle() {
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

LaneSnapshot Scheduler::Impl::snapshot_of(const Entry& entry) {
    const storage::NotificationRecord& record = entry.definition->record;
    LaneSnapshot snapshot = entry.lane->snapshot();
    const bool broken = snapshot.breaker == CircuitBreaker::State::kOpen;
    snapshot.state = !record.enabled ? "disabled"
                     : record.paused ? "paused"
                     : broken        ? "breaker_open"
                                     : "open";
    return snapshot;
}

std::vector<LaneSnapshot> Scheduler::Impl::lanes() const {
    const std::shared_lock lock(mutex_);
    std::vector<LaneSnapshot> snapshots;
    snapshots.reserve(lanes_.size());
    for (const auto& [id, entry] : lanes_) snapshots.push_back(snapshot_of(entry));
    return snapshots;
}

std::optional<LaneSnapshot> Scheduler::Impl::lane(NotificationId id) const {
    const std::shared_lock lock(mutex_);
    const auto found = lanes_.find(id);
    if (found == lanes_.end()) return std::nullopt;
    return snapshot_of(found->second);
}

Scheduler::Scheduler(storage::CalloutQueue& queue, providers::TokenManager& tokens,
                     core::Clock& clock, core::Random& random, SchedulerOptions options)
    : impl_(std::make_unique<Impl>(queue, tokens, clock, random, std::move(options))) {}

Scheduler::~Scheduler() {
    stop(std::chrono::milliseconds(0));
}

core::Result<> Scheduler::start(CataloguePtr catalogue) {
    return impl_->start(std::move(catalogue));
}
void Scheduler::stop(std::chrono::milliseconds patience) {
    impl_->stop(patience);
}
void Scheduler::apply(NotificationId notification) {
    impl_->apply(notification);
}
void Scheduler::drain_lane(NotificationId lane, std::function<void()> drained) {
    impl_->drain_lane(lane, std::move(drained));
}
void Scheduler::wake(NotificationId lane) {
    if (const LanePtr found = impl_->find(lane))
        impl_->tell(found, [](Lane& target) { target.wake(); });
}
void Scheduler::probe(NotificationId lane) {
    if (const LanePtr found = impl_->find(lane))
        impl_->tell(found, [](Lane& target) { target.probe(); });
}
std::vector<LaneSnapshot> Scheduler::lanes() const {
    return impl_->lanes();
}
std::optional<LaneSnapshot> Scheduler::lane(NotificationId notification) const {
    return impl_->lane(notification);
}
void Scheduler::when_idle(std::function<void()> idle) {
    impl_->when_idle(std::move(idle));
}

bool Scheduler::try_reserve(NotificationId lane, std::size_t cost) {
    const LanePtr found = impl_->find(lane);
    return found && found->try_reserve(cost);
}

void Scheduler::accept(NotificationId lane, core::CalloutId callout, storage::EventPtr event) {
    const LanePtr found = impl_->find(lane);
    if (!found) return;  // deleted meanwhile: the store has it, and says what became of it
    impl_->tell(found, [callout, event = std::move(event)](Lane& target) mutable {
        target.accept({.id = callout, .event = std::move(event)});
    });
}

void Scheduler::unreserve(NotificationId lane, std::size_t cost) {
    if (const LanePtr found = impl_->find(lane)) found->unreserve(cost);
}

void Scheduler::backlog_grew(NotificationId lane, core::StoredTime due_at) {
    if (const LanePtr found = impl_->find(lane)) {
        impl_->tell(found, [due_at](Lane& target) { target.backlog_grew(due_at); });
    }
}

}  // namespace herald::dispatcher
