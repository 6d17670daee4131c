#pragma once

#include <vector>

#include "storage/sqlite/write_session.h"
#include "storage/store.h"

/// How a callout gets from one state to the next (docs/states.md): stored, claimed, given back,
/// ended. Everything here may throw Failure.
namespace herald::storage::sqlite {

/// The queues of the backlog, as `callout.queue` has them.
enum class Queue {
    kFirstTries,
    kRetries,
    kBehindItsKey,  ///< another callout of its order key is unfinished
};

/// Delivered, dead or cancelled.
[[nodiscard]] bool is_end(CalloutState state);

struct Moved {
    bool done = false;         ///< it was in the state that it was moved from
    bool next_is_due = false;  ///< the next one of its order key may go now
};

/// Moves a callout that is in state `from`, counts the move, and lets the next one of its order key
/// go when it ends.
Moved move(WriteSession& session, CalloutState from, const CalloutUpdate& to);
/// Stores a new one, behind those of its order key.
void insert_callout(WriteSession& session, const NewCallout& callout, std::int64_t event_seq,
                    core::StoredTime now);

/// Claims due callouts: at most as many as the limits say, and not many more bytes of event data
/// than a claim may hold. Failure `damaged` where index and rows contradict each other.
[[nodiscard]] Claim claim(WriteSession& session, const core::NotificationId& notification,
                          core::StoredTime now, const ClaimLimits& limits);

/// Refusal `not_found` where there is no such callout. One that is no longer claimed keeps its
/// state.
Moved record(WriteSession& session, const CalloutOutcome& outcome);
/// Without effect on a callout that is finished or unknown.
Moved update(WriteSession& session, CalloutUpdate update);

}  // namespace herald::storage::sqlite
