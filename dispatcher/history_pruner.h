#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/clock.h"
#include "storage/history_store.h"

namespace herald::dispatcher {

/// How much history is kept. Without a bound that side is unlimited.
struct HistoryLimits {
    std::optional<std::chrono::milliseconds> max_age = std::nullopt;
    std::optional<std::int64_t> max_bytes = std::nullopt;

    friend bool operator==(const HistoryLimits&, const HistoryLimits&) = default;
};

/// Keeps the history within its limits: walks it from its oldest end in small steps with a pause
/// after each, so that deliveries never wait for more than one step and it takes a twentieth of the
/// writer's time at most, and begins again a while after each walk.
///
/// A step that fails ends its walk; the next walk tries again.
/// Lifetime: the store and the clock outlive the executor's last task.
/// Thread-safety: all methods may be called concurrently.
class HistoryPruner final {
public:
    /// `executor` only waits: the work is done by the store's writer.
    HistoryPruner(storage::HistoryStore& store, core::Clock& clock,
                  boost::asio::any_io_executor executor, HistoryLimits limits);
    HistoryPruner(const HistoryPruner&) = delete;
    HistoryPruner& operator=(const HistoryPruner&) = delete;
    ~HistoryPruner() { stop(); }

    /// Begins the first walk; without limits there is nothing to do. Once.
    void start();
    /// No step begins any more; one under way ends. Idempotent, may precede start.
    void stop();

    /// Since start.
    [[nodiscard]] std::int64_t events_pruned() const;

private:
    class Walker;
    std::shared_ptr<Walker> walker_;  // shared with what waits on the executor
};

}  // namespace herald::dispatcher
