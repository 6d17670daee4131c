#pragma once

#include <vector>

#include "storage/sqlite/connection.h"
#include "storage/store.h"

/// Listing callouts, newest first, by exact filters. Everything here may throw Failure.
namespace herald::storage::sqlite {

/// The part of a listing that one read transaction covers.
struct ListPage {
    std::vector<CalloutRecord> callouts;
    /// Where to go on with the same filter; empty at the end.
    std::optional<core::CalloutId> resume_before;
};

/// Up to `filter.limit` callouts. Looks at a bounded number of rows, so that no read transaction is
/// long (Q10): a page may be short and still resume.
[[nodiscard]] ListPage list_page(Connection& db, const CalloutFilter& filter);

/// Up to `limit` dead callouts whose notification still exists, oldest first, behind
/// `filter.after`.
[[nodiscard]] std::vector<core::CalloutId> dead_callouts(Connection& db,
                                                         const CalloutFilter& filter,
                                                         std::size_t limit);

[[nodiscard]] StoreCounts read_counts(Connection& db);

}  // namespace herald::storage::sqlite
