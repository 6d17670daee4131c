#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/clock.h"
#include "dispatcher/courier.h"
#include "dispatcher/mailbox.h"
#include "storage/callout_queue.h"

namespace herald::dispatcher {

/// Writes what attempts came to; completions return to the worker in bunches, as the store commits
/// in groups.
///
/// Every outcome ends somewhere: a write that fails for want of disk space or of the lock is tried
/// again until it succeeds, since an answered callout must not stay in flight; where the callout is
/// gone, so is its outcome; after a failure of the storage its owner ends the process. Any
/// other refusal is a bug, which `on_bug` tells and ends the process with. Thread-safety: called on
/// the worker's thread; `recorded` runs there too.
class Recorder final {
public:
    Recorder(storage::CalloutQueue& queue, std::shared_ptr<Mailbox> mailbox, core::Clock& clock,
             boost::asio::any_io_executor executor,
             std::function<void(const core::Error&)> on_bug = {})
        : queue_(queue),
          mailbox_(std::move(mailbox)),
          clock_(clock),
          executor_(std::move(executor)),
          on_bug_(std::move(on_bug)) {}

    /// Told whether a callout of the same order key is due now.
    using Recorded = std::function<void(bool next_is_due)>;

    /// The attempt and the callout's next state in one transaction; a parked callout only gets its
    /// state.
    void record(AttemptResult result, Recorded recorded);
    /// Gives callouts back to the backlog: no attempt, their reason.
    void release(std::vector<storage::CalloutUpdate> updates, Recorded released);

private:
    struct Outcome {
        storage::CalloutOutcome attempted;            ///< without attempts: nothing to record
        std::vector<storage::CalloutUpdate> updates;  ///< in its place
        Recorded written;

        [[nodiscard]] core::CalloutId callout() const {
            return updates.empty() ? attempted.update.id : updates.front().id;
        }
    };
    void write(std::shared_ptr<const Outcome> outcome);
    void write_later(std::shared_ptr<const Outcome> outcome);
    void refused(const core::Error& error, const std::shared_ptr<const Outcome>& outcome);

    storage::CalloutQueue& queue_;
    std::shared_ptr<Mailbox> mailbox_;
    core::Clock& clock_;
    const boost::asio::any_io_executor executor_;
    const std::function<void(const core::Error&)> on_bug_;
};

}  // namespace herald::dispatcher
