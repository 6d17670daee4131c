#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/random.h"
#include "dispatcher/byte_budget.h"
#include "dispatcher/circuit_breaker.h"
#include "dispatcher/intake.h"
#include "http/egress_policy.h"
#include "http/transport.h"
#include "providers/token_manager.h"
#include "storage/callout_queue.h"

namespace herald::dispatcher {

struct LaneSnapshot {
    core::NotificationId id;
    std::string state;  ///< open, paused, disabled, breaker_open
    CircuitBreaker::State breaker = CircuitBreaker::State::kClosed;
    /// Why nothing starts now: `paused`, `auth_unavailable:<provider or notification>`,
    /// `breaker_open`, `blocked_address`, …; empty where something may.
    std::optional<std::string> held_by;
    std::optional<core::StoredTime> held_until;  ///< when the lane looks again, where it knows
    int in_flight = 0;                           ///< requests on the wire now
    std::size_t bytes = 0;                       ///< of callouts in memory
};

struct SchedulerOptions {
    std::size_t workers = 1;
    /// Makes the transport of one worker, on that worker's executor.
    std::function<std::unique_ptr<http::Transport>(boost::asio::any_io_executor)> make_transport;
    /// Of callouts in memory, all lanes together.
    std::size_t most_bytes = ByteBudget::kDefault;
    /// The store refused an outcome for a reason that can only be a bug; ends the process.
    std::function<void(const core::Error&)> on_bug = {};
    /// false: no threads; `poll` of the executor given runs everything (tests on virtual time).
    std::optional<boost::asio::any_io_executor> executor = std::nullopt;
};

/// Hands due callouts to lanes, one lane per notification, each pinned to a worker; refills lanes
/// from the store.
///
/// Lifetime: start, then stop (idempotent, may precede start). `stop` returns after the last
/// attempt is recorded. Thread-safety: all methods may be called concurrently.
class Scheduler final : public LaneDoor {
public:
    Scheduler(storage::CalloutQueue& queue, providers::TokenManager& tokens, core::Clock& clock,
              core::Random& random, SchedulerOptions options);
    ~Scheduler() override;

    /// A lane for each notification in it.
    [[nodiscard]] core::Result<> start(CataloguePtr catalogue);
    /// No new attempts; those in flight end within `patience`, later ones are cut off and are due
    /// again at start.
    void stop(std::chrono::milliseconds patience);

    /// Its lane follows the catalogue: made, changed, or ended where it is not there any more.
    void apply(core::NotificationId notification);
    /// Takes nothing more from this lane; `drained` runs once nothing of it is in flight (before a
    /// deletion), or once `stop` has cut that off. On any thread, perhaps before this returns.
    void drain_lane(core::NotificationId lane, std::function<void()> drained);
    /// An open breaker lets its probe through now; whatever else held the lane is tried anew.
    void probe(core::NotificationId lane);
    /// Something of this lane may be due now (a retry by a person).
    void wake(core::NotificationId lane);

    [[nodiscard]] std::vector<LaneSnapshot> lanes() const;
    [[nodiscard]] std::optional<LaneSnapshot> lane(core::NotificationId notification) const;
    /// Calls back once nothing is in flight and nothing can be sent now (`serve --drain`).
    void when_idle(std::function<void()> idle);

    bool try_reserve(core::NotificationId lane, std::size_t cost) override;
    void accept(core::NotificationId lane, core::CalloutId callout,
                storage::EventPtr event) override;
    void unreserve(core::NotificationId lane, std::size_t cost) override;
    void backlog_grew(core::NotificationId lane, core::StoredTime due_at) override;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace herald::dispatcher
