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
/// A write that fails for want of disk space or of the lock is tried again until it succeeds: an
/// answered callout must not stay in flight. After any other failure the store is gone and its
/// owner ends the process. Thread-safety: called on the worker's thread; `recorded` runs
/// there too.
class Recorder final {
public:
    Recorder(storage::CalloutQueue& queue, std::shared_ptr<Mailbox> mailbox, core::Clock& clock,
             boost::asio::any_io_executor executor)
        : queue_(queue),
          mailbox_(std::move(mailbox)),
          clock_(clock),
          executor_(std::move(executor)) {}

    /// Told whether a callout of the same order key is due now.
    using Recorded = std::function<void(bool next_is_due)>;

    /// The attempt and the callout's next state in one transaction; a parked callout only gets its
    /// state.
    void record(AttemptResult result, Recorded recorded);
    /// Gives callouts back to the backlog: no attempt, their reason.
    void release(std::vector<storage::CalloutUpdate> updates, Recorded released);

private:
    struct Outcome {
        std::vector<storage::AttemptRecord> attempts;
        std::vector<storage::CalloutUpdate> updates;
        Recorded written;
    };
    void write(std::shared_ptr<const Outcome> outcome);
    void write_later(std::shared_ptr<const Outcome> outcome);

    storage::CalloutQueue& queue_;
    std::shared_ptr<Mailbox> mailbox_;
    core::Clock& clock_;
    const boost::asio::any_io_executor executor_;
};

}  // namespace herald::dispatcher
