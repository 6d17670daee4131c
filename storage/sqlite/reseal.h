#pragma once

#include "storage/sqlite/write_session.h"

namespace herald::storage::sqlite {

/// Seals up to a few dozen values again that are not under the key ring's newest key. Returns how
/// many; 0 when all are. Interrupted anywhere, it goes on where it was. Throws Failure; Refusal
/// `key_mismatch` where a value does not open.
[[nodiscard]] std::int64_t reseal_some(WriteSession& session);

}  // namespace herald::storage::sqlite
