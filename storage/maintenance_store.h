#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/await.h"
#include "core/clock.h"
#include "core/error.h"

namespace herald::storage {

/// The role of the store that keeps what is kept safe. Methods block where they do not say
/// otherwise; work goes on beside them.
class MaintenanceStore {
public:
    virtual ~MaintenanceStore() = default;

    /// A consistent, synced copy under its final name, readable with the same key ring. 0600.
    [[nodiscard]] virtual core::Result<> backup(const std::string& path) = 0;
    /// Seals everything again under the key ring's newest key, but for values that do not open.
    /// Restartable. Returns the rows resealed.
    [[nodiscard]] virtual core::Result<std::int64_t> reseal() = 0;
    /// What is wrong with the database, in words; empty: nothing. Reads all of it, and compares
    /// every index with its rows. Conflict `already_running` where that would hold up a daemon.
    [[nodiscard]] virtual core::Result<std::vector<std::string>> check() = 0;
    /// Makes every index anew from the rows.
    [[nodiscard]] virtual core::Result<> rebuild_indexes() = 0;
    /// For `core::Clock::continue_line` when the database is opened again. Does not block.
    virtual void keep_time(core::KeptTime time, core::Done<> done) = 0;
};

}  // namespace herald::storage
