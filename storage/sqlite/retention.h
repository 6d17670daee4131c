#pragma once

#include "storage/sqlite/write_session.h"
#include "storage/store.h"

namespace herald::storage::sqlite {

/// One step of Store::prune_history. May throw Failure.
[[nodiscard]] Pruned prune_some(WriteSession& session, const HistoryBounds& bounds,
                                std::int64_t resume_after);

}  // namespace herald::storage::sqlite
