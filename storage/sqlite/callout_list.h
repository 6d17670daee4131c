#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "storage/sqlite/connection.h"
#include "storage/store.h"

/// Listing callouts by exact filters. Nothing here reads more in one go than a bounded number of
/// rows, however large the database is. Everything here may throw Failure.
namespace herald::storage::sqlite {

/// Ids from the first up to, not including, the second.
using IdRange = std::pair<core::CalloutId, core::CalloutId>;

struct ListingLimits {
    std::size_t sorted = 5'000;       ///< unfinished ones that are sorted rather than met on a walk
    std::size_t rows_a_step = 5'000;  ///< of a walk
    std::size_t rows_seen = 500'000;  ///< then it gives up
};

/// One listing, newest first, read in short steps: each is a read of its own, so no step pins the
/// -wal for long, and others get their turn in between.
///
/// Where an index holds what is asked for in the order of the ids, that is read. What is unfinished
/// lies by due time: a few of them are sorted, many are met soon enough on a walk through all
/// callouts. Such a walk gives up after a bounded number of rows and says where to go on.
class Listing final {
public:
    explicit Listing(const CalloutFilter& filter, const ListingLimits& limits = {});

    /// Reads on. REQUIRES: not complete.
    void read_some(Connection& db);
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    [[nodiscard]] CalloutPage take() { return std::move(page_); }

private:
    void read_of_event(Connection& db);
    void read_ended(Connection& db);
    [[nodiscard]] bool read_unfinished(Connection& db);
    void walk(Connection& db);
    [[nodiscard]] bool matches(const CalloutRecord& callout) const;
    [[nodiscard]] std::size_t left() const { return limit_ - page_.callouts.size(); }

    const CalloutFilter filter_;
    const std::size_t limit_;
    const ListingLimits limits_;
    IdRange range_;
    CalloutPage page_;
    std::size_t rows_seen_ = 0;
    bool walking_ = false;
    bool complete_ = false;
};

/// Some dead callouts, oldest first.
struct DeadCallouts {
    std::vector<core::CalloutId> ids;  ///< those whose notification still exists
    /// The last one that was looked at; empty where none is left.
    std::optional<core::CalloutId> last = std::nullopt;
};

/// Looks at up to `limit` dead ones that match, behind `filter.after`.
[[nodiscard]] DeadCallouts dead_callouts(Connection& db, const CalloutFilter& filter,
                                         std::size_t limit);

[[nodiscard]] StoreCounts read_counts(Connection& db);

}  // namespace herald::storage::sqlite
