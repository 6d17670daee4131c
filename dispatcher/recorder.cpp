#include "dispatcher/recorder.h"

#include "core/log.h"

namespace herald::dispatcher {

// A failed write means the database is gone: the store has told its owner, who ends the process. The callout stays
// in flight in the database and is found by the next start.
core::Done<> Recorder::to_worker(std::function<void()> then) const {
    return [mailbox = mailbox_, then = std::move(then)](const core::Result<>& written) mutable {
        if (!written) core::log(core::LogLevel::kError, "outcome_not_recorded", {{"error", written.error().message}});
        mailbox->post(std::move(then));
    };
}

void Recorder::record(AttemptResult result, std::function<void()> recorded) {
    if (result.attempts.empty()) {
        std::vector<storage::CalloutUpdate> updates;
        updates.push_back(std::move(result.update));
        return release(std::move(updates), std::move(recorded));
    }
    store_.record_attempt(std::move(result.attempts), std::move(result.update), to_worker(std::move(recorded)));
}

void Recorder::release(std::vector<storage::CalloutUpdate> updates, std::function<void()> released) {
    store_.update_callouts(std::move(updates), to_worker(std::move(released)));
}

}  // namespace herald::dispatcher
