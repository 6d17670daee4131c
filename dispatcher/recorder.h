#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "dispatcher/courier.h"
#include "dispatcher/mailbox.h"
#include "storage/store.h"

namespace herald::dispatcher {

/// Writes what attempts came to; completions return to the worker in bunches, as the store commits in groups.
///
/// Thread-safety: called on the worker's thread; `recorded` runs there too.
class Recorder final {
public:
    Recorder(storage::Store& store, std::shared_ptr<Mailbox> mailbox) : store_(store), mailbox_(std::move(mailbox)) {}

    /// The attempt and the callout's next state in one transaction; a parked callout only gets its state.
    void record(AttemptResult result, std::function<void()> recorded);
    /// Gives callouts back to the backlog: no attempt, their reason.
    void release(std::vector<storage::CalloutUpdate> updates, std::function<void()> released);

private:
    [[nodiscard]] core::Done<> to_worker(std::function<void()> then) const;

    storage::Store& store_;
    std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace herald::dispatcher
