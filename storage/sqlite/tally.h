#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "core/id.h"
#include "storage/records.h"
#include "storage/sqlite/connection.h"

namespace herald::storage::sqlite {

/// Keeps the table `tally` in step with the callouts, so that counting never reads them.
///
/// Changes gather in memory and are written once a transaction.
class Tally final {
public:
    void created(const core::NotificationId& notification, CalloutState state);
    void moved(const core::NotificationId& notification, CalloutState from, CalloutState to,
               std::int64_t count = 1);
    void removed(const core::NotificationId& notification, CalloutState state);
    void event_stored() { ++events_; }
    void event_removed() { --events_; }

    /// Writes what gathered. REQUIRES: a transaction is open.
    void write(Connection& db);
    /// Forgets what gathered, after a rollback.
    void forget();
    /// Adds a deleted notification's counts to those of all deleted ones, which stand under the
    /// zero id.
    void fold_deleted(Connection& db, const core::NotificationId& notification);

private:
    using Changes = std::array<std::int64_t, 5>;
    std::unordered_map<core::NotificationId, Changes, core::IdHash> changes_;
    std::int64_t events_ = 0;
};

}  // namespace herald::storage::sqlite
