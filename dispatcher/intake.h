#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "core/await.h"
#include "core/clock.h"
#include "core/random.h"
#include "dispatcher/catalogue.h"
#include "storage/callout_queue.h"
#include "storage/configuration_store.h"

namespace herald::dispatcher {

struct EventInput {
    std::string type;
    std::string data;  ///< JSON source text, at most 1 MiB
    std::optional<std::string> key;
    std::optional<core::SystemTime> occurred_at;
};

struct AcceptedCallout {
    core::CalloutId id;
    std::string notification;
};

struct AcceptedEvent {
    core::EventId id;
    bool duplicate = false;
    std::vector<AcceptedCallout> callouts;
};

/// Where new callouts may go at once instead of waiting in the backlog. Implemented by the
/// scheduler.
///
/// Thread-safety: all methods may be called concurrently.
class LaneDoor {
public:
    virtual ~LaneDoor() = default;
    /// Reserves room in the lane for a callout of that cost; false: store it as pending.
    [[nodiscard]] virtual bool try_reserve(core::NotificationId lane, std::size_t cost) = 0;
    /// After COMMIT: the reserved callout is handed over.
    virtual void accept(core::NotificationId lane, core::CalloutId callout,
                        storage::EventPtr event) = 0;
    /// The reservation is not used: the event was not stored, or was a duplicate.
    virtual void unreserve(core::NotificationId lane, std::size_t cost) = 0;
    /// Something was stored as pending.
    virtual void backlog_grew(core::NotificationId lane, core::StoredTime due_at) = 0;
};

/// The way in: validates an event, matches notifications, stores one event and its callouts in one
/// transaction.
///
/// Thread-safety: `submit` may be called concurrently. Done runs on the store's writer thread,
/// after COMMIT. Errors: invalid_argument (field type, data, key), conflict `idempotency_conflict`,
/// those of the store.
class Intake final {
public:
    /// `door` may be null: everything is stored as pending (the CLI without a daemon).
    Intake(storage::ConfigurationStore& configuration, storage::CalloutQueue& queue,
           core::Clock& clock, core::Random& random, LaneDoor* door);

    void submit(EventInput input, core::Done<AcceptedEvent> done);
    /// With everything that is stored now. The same object each time.
    [[nodiscard]] core::Result<CataloguePtr> catalogue();
    /// Refuses new events from now on (graceful stop), code `shutting_down`.
    void close();

private:
    struct Submission;
    void append(std::shared_ptr<Submission> submission);
    void appended(const std::shared_ptr<Submission>& submission,
                  core::Result<storage::AppendResult> result);

    storage::ConfigurationStore& configuration_;
    storage::CalloutQueue& queue_;
    core::Clock& clock_;
    core::Random& random_;
    LaneDoor* door_;
    std::atomic<bool> closed_{false};
    const CataloguePtr catalogue_ = std::make_shared<Catalogue>();
};

}  // namespace herald::dispatcher
