#include "storage/sqlite/claim.h"

#include <algorithm>

#include "storage/sqlite/callout_moves.h"
#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/hot_statements.h"

namespace herald::storage::sqlite {
namespace {

constexpr std::size_t kMostClaimed = 4096;
constexpr std::size_t kMostClaimedBytes = 16UL * 1024 * 1024;

struct Due {
    ClaimedCallout callout;
    std::int64_t event_seq = 0;
    core::SystemTime due_at;
};

class Claiming final {
public:
    Claiming(WriteSession& session, const core::NotificationId& notification, core::SystemTime now)
        : session_(session), notification_(notification), now_(now) {}

    void take(Queue queue, std::size_t limit) {
        std::vector<Due> due = due_in(queue, limit);
        std::size_t taken = 0;
        while (taken < due.size() && bytes_ < kMostClaimedBytes) {
            ClaimedCallout& callout = due[taken].callout;
            callout.event = shared_event(due[taken].event_seq);
            if (callout.event) bytes_ += callout.event->data.size();
            ++taken;
        }
        if (taken == 0) return;
        due.resize(taken);
        const std::int64_t marked =
            session_.db.run(kTakeCallouts, notification_, queue, due.back().due_at,
                            due.back().callout.id, provider_name());
        session_.tally.moved(notification_, CalloutState::kPending, CalloutState::kInFlight,
                             marked);
        for (Due& one : due) {
            one.callout.event ? claim_.callouts.push_back(std::move(one.callout))
                              : bury(one.callout);
        }
    }

    [[nodiscard]] Claim finish() {
        claim_.next_first_try_at = next_in(Queue::kFirstTries);
        claim_.next_retry_at = next_in(Queue::kRetries);
        return std::move(claim_);
    }

private:
    std::vector<Due> due_in(Queue queue, std::size_t limit) {
        std::vector<Due> due;
        auto row = session_.db.query(kDueCallouts, notification_, queue, now_,
                                     std::min(limit, kMostClaimed));
        while (row.next()) {
            Due one;
            one.callout.id = row.take<core::CalloutId>();
            one.event_seq = row.take<std::int64_t>();
            one.callout.attempts = row.take<int>();
            one.callout.failures = row.take<int>();
            one.due_at = row.take<core::SystemTime>();
            due.push_back(std::move(one));
        }
        return due;
    }

    /// Null where the event is lost, which only damage to the file can do.
    EventPtr shared_event(std::int64_t seq) {
        if (EventPtr known = session_.events.find(seq)) return known;
        auto event = find_event_at(session_.db, seq);
        if (!event) return nullptr;
        auto shared = std::make_shared<const EventRecord>(std::move(event->record));
        if (event->has_several_callouts) session_.events.keep(seq, shared);
        return shared;
    }

    std::optional<std::string> provider_name() {
        auto row = session_.db.query(
            "SELECT p.name FROM notification n JOIN provider p ON p.id = n.provider_id"
            " WHERE n.id = ?",
            notification_);
        if (!row.next()) return std::nullopt;
        return row.take<std::string>();
    }

    void bury(const ClaimedCallout& callout) {
        move(session_, CalloutState::kInFlight,
             {.id = callout.id,
              .notification = notification_,
              .state = CalloutState::kDead,
              .reason = "event_missing",
              .due_at = std::nullopt,
              .attempts = callout.attempts,
              .failures = callout.failures});
    }

    std::optional<core::SystemTime> next_in(Queue queue) {
        auto row = session_.db.query(kNextDue, notification_, queue);
        if (!row.next()) return std::nullopt;
        return row.take<core::SystemTime>();
    }

    WriteSession& session_;
    const core::NotificationId& notification_;
    const core::SystemTime now_;
    Claim claim_;
    std::size_t bytes_ = 0;
};

}  // namespace

Claim claim(WriteSession& session, const core::NotificationId& notification, core::SystemTime now,
            const ClaimLimits& limits) {
    Claiming claiming(session, notification, now);
    if (limits.first_tries > 0) claiming.take(Queue::kFirstTries, limits.first_tries);
    if (limits.retries > 0) claiming.take(Queue::kRetries, limits.retries);
    return claiming.finish();
}

}  // namespace herald::storage::sqlite
