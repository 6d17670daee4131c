#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "storage/key_ring.h"
#include "storage/records.h"
#include "storage/sqlite/connection.h"
#include "storage/store.h"

/// Providers as rows. Everything here may throw Failure. A secret that does not open is named in
/// the record, and stays as it is when the record is saved without one.
namespace herald::storage::sqlite {

[[nodiscard]] std::optional<ProviderRecord> find_provider(Connection& db, const KeyRing& ring,
                                                          std::string_view name);
[[nodiscard]] std::optional<ProviderRecord> find_provider(Connection& db, const KeyRing& ring,
                                                          const core::ProviderId& id);
[[nodiscard]] std::vector<ProviderRecord> all_providers(Connection& db, const KeyRing& ring);
[[nodiscard]] std::vector<std::string> users_of_provider(Connection& db,
                                                         const core::ProviderId& id);
/// Inserts, or overwrites the one with this id.
void save_provider(Connection& db, const KeyRing& ring, const ProviderRecord& record);

/// Refusal `not_found` where it is gone, `stale_token_write` where configuration or epoch have
/// moved on.
void check_fence(Connection& db, const TokenFence& fence);

[[nodiscard]] core::Error no_such_provider(std::string_view name);

}  // namespace herald::storage::sqlite
