#pragma once

#include <optional>
#include <vector>

#include "storage/key_ring.h"
#include "storage/records.h"
#include "storage/sqlite/connection.h"

/// Tokens and revocations that wait, as rows. Everything here may throw Failure. A token that does
/// not open is named in the record.
namespace herald::storage::sqlite {

[[nodiscard]] std::optional<TokenRecord> find_token(Connection& db, const KeyRing& ring,
                                                    const core::ProviderId& provider);
void save_token(Connection& db, const KeyRing& ring, const core::ProviderId& provider,
                const TokenRecord& record);
void drop_token(Connection& db, const core::ProviderId& provider);

[[nodiscard]] std::vector<PendingRevocation> all_revocations(Connection& db, const KeyRing& ring);
/// Gives it its id. REQUIRES: the provider exists, else Failure::foreign_key().
void add_revocation(Connection& db, const KeyRing& ring, const PendingRevocation& pending);

}  // namespace herald::storage::sqlite
