#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "core/clock.h"
#include "storage/maintenance_store.h"

namespace herald::dispatcher {

/// Compares the wall clock with Herald's own time line each second; a jump is logged once
/// (`wall_clock_jumped`) and changes only how stored times are shown. The time line is kept in the
/// database then and every ten minutes.
///
/// Lifetime: the store and the clock outlive the executor's last task.
/// Thread-safety: all methods may be called concurrently.
class WallWatch final {
public:
    /// `executor` only waits.
    WallWatch(storage::MaintenanceStore& store, core::Clock& clock,
              boost::asio::any_io_executor executor);
    WallWatch(const WallWatch&) = delete;
    WallWatch& operator=(const WallWatch&) = delete;
    ~WallWatch() { stop(); }

    /// Once.
    void start();
    /// Idempotent, may precede start.
    void stop();

private:
    class Looker;
    std::shared_ptr<Looker> looker_;  // shared with what waits on the executor
};

}  // namespace herald::dispatcher
