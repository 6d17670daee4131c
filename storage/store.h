#pragma once

#include "storage/callout_queue.h"
#include "storage/configuration_store.h"
#include "storage/history_store.h"
#include "storage/maintenance_store.h"
#include "storage/token_store.h"

namespace herald::storage {

/// Everything that is kept, as one object with five roles. A class asks for the roles it uses; only
/// the composition root knows the whole. See storage/sqlite/.
///
/// Durability: a write is acknowledged (its Done is called with success, or the call returns) only
/// after it would survive power loss. Errors of kind kStorage mean: outcome unknown.
class Store : public ConfigurationStore,
              public TokenStore,
              public CalloutQueue,
              public HistoryStore,
              public MaintenanceStore {
public:
    /// Stops taking writes, finishes those that wait. Idempotent.
    virtual void close() = 0;
};

}  // namespace herald::storage
