#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "storage/sqlite/ballast.h"
#include "storage/sqlite/operation.h"

namespace herald::storage::sqlite {

struct WriterOptions {
    bool thread = true;  ///< false: operations run on the caller's thread, one at a time
    /// See SqliteStoreOptions.
    std::function<void(std::function<void()>)> defer = {};
    /// So many operations are one transaction; eight outcomes count as one operation.
    std::size_t max_batch = 512;
    /// Whatever a transaction takes, those behind it wait for.
    Cost max_batch_cost{.rows = 8192, .bytes = 4UL << 20};
    /// Further events are refused while as much as this waits.
    Cost max_waiting_events{.rows = 256UL * 1024, .bytes = 128UL << 20};
    /// Attempts' outcomes alone start a commit at most this often: nobody waits for them, and a
    /// commit costs as much for one as for many.
    std::chrono::milliseconds outcome_pace{8};
    std::function<void(const core::Error&)> on_fatal = {};
    /// A -wal of more pages than this is too long: `hold_readers(true)` until it begins anew. What
    /// has gathered in it is written to the database at once, and commits wait for that: 16,384
    /// made the slowest of them 150 ms.
    int most_wal_pages = 4'096;
    std::function<void(bool)> hold_readers = {};
};

/// Runs every write, many in one transaction, each completed only after its COMMIT.
///
/// A commit that somebody waits for starts at once when nothing runs; what arrives meanwhile forms
/// the next batch. New events wait in a queue of their own, and each batch has room for both: a
/// flood of events does not delay what deliveries need by more than the batch under way. A batch
/// that fails is run again in halves, down to the operation at fault, so its neighbours are stored
/// all the same. Thread-safety: all methods may be called concurrently.
class Writer final {
public:
    Writer(WriteSession& session, std::optional<Ballast> ballast, WriterOptions options);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() { stop(); }

    /// Events take effect in the order of the calls, so does everything else. Completes at once,
    /// with an error, after `stop`.
    void submit(OperationPtr operation);
    /// Commits all that was deferred.
    void catch_up();
    /// Finishes what waits and takes nothing more. Idempotent. REQUIRES: not on the writer's
    /// thread.
    void stop();
    /// Nothing is acknowledged any more. REQUIRES: `stop` returned.
    [[nodiscard]] bool failed() const noexcept { return fatal_.has_value(); }

private:
    using Batch = std::vector<OperationPtr>;
    using Queue = std::deque<OperationPtr>;
    /// What a batch has taken so far.
    struct Load {
        std::size_t weight = 0;
        Cost cost{.rows = 0, .bytes = 0};
        void add(const Operation& operation);
    };
    struct Completion {
        OperationPtr operation;
        std::optional<core::Error> error;
    };

    void run_inline(OperationPtr operation);
    void loop();
    [[nodiscard]] std::optional<core::Error> enqueue(OperationPtr& operation);
    void defer_batch();
    void run_batch();
    [[nodiscard]] bool nothing_waits();
    [[nodiscard]] Batch next_batch();
    // These REQUIRE: mutex_ is held.
    [[nodiscard]] Batch take_batch();
    void fill(Batch& batch);
    [[nodiscard]] bool fits(const Load& load, const Operation& operation, std::size_t share) const;
    [[nodiscard]] bool has_room_for_event(const Cost& cost) const;
    [[nodiscard]] OperationPtr pop(Queue& queue);
    [[nodiscard]] Batch everything_waiting();
    [[nodiscard]] bool worth_a_commit() const;  // REQUIRES: mutex_ is held

    [[nodiscard]] std::vector<Completion> carry_out(Batch batch);
    void carry_out_together(Batch batch, std::vector<Completion>& completions);
    void carry_out_alone(OperationPtr operation, std::vector<Completion>& completions);
    [[nodiscard]] Batch refuse_ingest_while_full(Batch batch, std::vector<Completion>& completions);
    [[nodiscard]] std::optional<Failure> try_commit(Batch& batch);
    [[nodiscard]] bool reserve_helps(const Operation& operation, const Failure& failure);
    void fail_with_all_waiting(Batch batch, const core::Error& error,
                               std::vector<Completion>& completions);
    void stop_acknowledging(const core::Error& error);
    void checkpoint_when_due();
    static void complete(std::vector<Completion> completions);

    WriteSession& session_;
    std::optional<Ballast> ballast_;
    const WriterOptions options_;

    // Touched only by the thread that runs operations.
    std::optional<core::Error> fatal_;
    int checkpoint_at_pages_;
    core::SteadyTime next_for_outcomes_{};
    bool last_was_alone_ = false;
    Batch carried_;  // left over from a batch that read more than expected; goes first

    std::mutex turn_;  // without a thread: one operation at a time
    bool is_deferred_ = false;
    const std::shared_ptr<bool> lives_ = std::make_shared<bool>(true);  // for what was deferred

    std::mutex mutex_;
    std::condition_variable wake_;
    Queue events_;                                // guarded by mutex_
    Queue others_;                                // guarded by mutex_
    std::size_t in_a_hurry_ = 0;                  // guarded by mutex_; of others_, all but outcomes
    Cost waiting_events_{.rows = 0, .bytes = 0};  // guarded by mutex_
    bool stopping_ = false;                       // guarded by mutex_
    std::jthread thread_;
};

}  // namespace herald::storage::sqlite
