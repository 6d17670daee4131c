#include "storage/sqlite/writer.h"

#include <pthread.h>
#include <sqlite3.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "storage/sqlite/hardening.h"

namespace herald::storage::sqlite {
namespace {

constexpr int kCheckpointPages = 2000;
constexpr std::size_t kOutcomesForOne = 8;
constexpr std::size_t kMostBytesRead = 16UL << 20;

// An outcome moves one callout, a claim or an event may move hundreds. And the outcomes of many
// lanes lie on as many pages: each commit writes them all, so it had better have many outcomes.
std::size_t weight_of(const Operation& operation) {
    return operation.kind() == Operation::Kind::kOutcome ? 1 : kOutcomesForOne;
}

core::Error closed() {
    return storage_error("write: the database is closed");
}

core::Error overloaded() {
    return {.kind = core::ErrorKind::kTransient,
            .code = "overloaded",
            .message =
                "append an event: too many writes wait for the disk; nothing was stored, send "
                "again later"};
}

core::Error full() {
    return to_error(Failure(SQLITE_FULL, "the disk is full"), "append an event");
}

bool is_event(const Operation& operation) {
    return operation.kind() == Operation::Kind::kIngest;
}

}  // namespace

void Writer::Load::add(const Operation& operation) {
    weight += weight_of(operation);
    cost.rows += operation.cost().rows;
    cost.bytes += operation.cost().bytes;
}

Writer::Writer(WriteSession& session, std::optional<Ballast> ballast, WriterOptions options)
    : session_(session),
      ballast_(std::move(ballast)),
      options_(std::move(options)),
      checkpoint_at_pages_(kCheckpointPages) {
    if (options_.thread) thread_ = std::jthread([this] { loop(); });
}

void Writer::submit(OperationPtr operation) {
    if (!options_.thread && !options_.defer) {
        run_inline(std::move(operation));
    } else if (const auto refused = enqueue(operation)) {
        operation->fail(*refused);
    } else if (options_.defer) {
        defer_batch();
    }
}

void Writer::defer_batch() {
    if (std::exchange(is_deferred_, true)) return;
    options_.defer([this, lives = std::weak_ptr(lives_)] {
        if (lives.expired()) return;
        is_deferred_ = false;
        run_batch();
        if (!nothing_waits()) defer_batch();
    });
}

void Writer::run_batch() {
    Batch batch = std::exchange(carried_, {});
    if (const std::scoped_lock lock(mutex_); batch.empty()) batch = take_batch();
    if (batch.empty()) return;
    complete(carry_out(std::move(batch)));
    checkpoint_when_due();
}

bool Writer::nothing_waits() {
    const std::scoped_lock lock(mutex_);
    return carried_.empty() && events_.empty() && others_.empty();
}

void Writer::catch_up() {
    while (!nothing_waits()) run_batch();
}

std::optional<core::Error> Writer::enqueue(OperationPtr& operation) {
    bool wake = false;
    {
        const std::scoped_lock lock(mutex_);
        if (stopping_) return closed();
        wake = events_.empty() && others_.empty();
        if (is_event(*operation)) {
            const Cost& cost = operation->cost();
            if (!has_room_for_event(cost)) return overloaded();
            waiting_events_.rows += cost.rows;
            waiting_events_.bytes += cost.bytes;
            events_.push_back(std::move(operation));
        } else {
            if (operation->kind() != Operation::Kind::kOutcome) ++in_a_hurry_;
            others_.push_back(std::move(operation));
        }
        wake = wake || worth_a_commit();
    }
    if (wake) wake_.notify_one();
    return std::nullopt;
}

void Writer::run_inline(OperationPtr operation) {
    std::unique_lock turn(turn_);
    if (const std::scoped_lock lock(mutex_); stopping_) {
        turn.unlock();
        operation->fail(closed());
        return;
    }
    Batch batch;
    batch.push_back(std::move(operation));
    auto completions = carry_out(std::move(batch));
    checkpoint_when_due();
    turn.unlock();  // what completes may submit the next one
    complete(std::move(completions));
}

void Writer::stop() {
    {
        const std::scoped_lock turn(turn_);
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void Writer::loop() {
    pthread_setname_np(pthread_self(), "writer");
    for (Batch batch = next_batch(); !batch.empty(); batch = next_batch()) {
        complete(carry_out(std::move(batch)));
        checkpoint_when_due();  // after the acknowledgements: nobody waits for it
    }
}

Writer::Batch Writer::next_batch() {
    if (!carried_.empty()) return std::exchange(carried_, {});
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !events_.empty() || !others_.empty(); });
    const core::SteadyTime now = session_.clock.steady_now();
    if (now < next_for_outcomes_)
        wake_.wait_for(lock, next_for_outcomes_ - now, [this] { return worth_a_commit(); });
    next_for_outcomes_ = session_.clock.steady_now() + options_.outcome_pace;
    return take_batch();
}

Writer::Batch Writer::take_batch() {
    Batch batch;
    const bool one_is_alone =
        !others_.empty() && others_.front()->kind() == Operation::Kind::kAlone;
    // A backup is many of these one after another: events have their turn in between.
    last_was_alone_ = one_is_alone && (events_.empty() || !last_was_alone_);
    if (last_was_alone_) {
        batch.push_back(pop(others_));
    } else {
        fill(batch);
    }
    return batch;
}

void Writer::fill(Batch& batch) {
    Load load;
    const std::size_t share = events_.empty() ? 1 : 2;
    while (!others_.empty() && others_.front()->kind() != Operation::Kind::kAlone &&
           (batch.empty() || fits(load, *others_.front(), share))) {
        load.add(*others_.front());
        batch.push_back(pop(others_));
    }
    // At least one, however large, so that each batch brings events on too.
    for (bool first = true; !events_.empty() && (first || fits(load, *events_.front(), 1));
         first = false) {
        load.add(*events_.front());
        batch.push_back(pop(events_));
    }
}

bool Writer::fits(const Load& load, const Operation& operation, std::size_t share) const {
    Load with = load;
    with.add(operation);
    return with.weight * share <= options_.max_batch * kOutcomesForOne &&
           with.cost.rows * share <= options_.max_batch_cost.rows &&
           with.cost.bytes * share <= options_.max_batch_cost.bytes;
}

bool Writer::has_room_for_event(const Cost& cost) const {
    return events_.empty() ||
           (waiting_events_.rows + cost.rows <= options_.max_waiting_events.rows &&
            waiting_events_.bytes + cost.bytes <= options_.max_waiting_events.bytes);
}

OperationPtr Writer::pop(Queue& queue) {
    OperationPtr operation = std::move(queue.front());
    queue.pop_front();
    if (is_event(*operation)) {
        waiting_events_.rows -= operation->cost().rows;
        waiting_events_.bytes -= operation->cost().bytes;
    } else if (operation->kind() != Operation::Kind::kOutcome) {
        --in_a_hurry_;
    }
    return operation;
}

bool Writer::worth_a_commit() const {
    return stopping_ || in_a_hurry_ > 0 || !events_.empty() || others_.size() >= options_.max_batch;
}

Writer::Batch Writer::everything_waiting() {
    Batch batch = std::exchange(carried_, {});
    const std::scoped_lock lock(mutex_);
    for (Queue* queue : {&others_, &events_}) {
        while (!queue->empty()) batch.push_back(pop(*queue));
    }
    return batch;
}

std::vector<Writer::Completion> Writer::carry_out(Batch batch) {
    std::vector<Completion> completions;
    completions.reserve(batch.size());
    if (fatal_) {
        fail_with_all_waiting(std::move(batch), *fatal_, completions);
    } else if (batch.front()->kind() == Operation::Kind::kAlone) {
        carry_out_alone(std::move(batch.front()), completions);
    } else {
        batch = refuse_ingest_while_full(std::move(batch), completions);
        if (!batch.empty()) carry_out_together(std::move(batch), completions);
    }
    return completions;
}

Writer::Batch Writer::refuse_ingest_while_full(Batch batch, std::vector<Completion>& completions) {
    if (!ballast_ || !ballast_->released()) return batch;
    Batch rest;
    for (OperationPtr& operation : batch) {
        if (operation->kind() == Operation::Kind::kIngest && !ballast_->restore()) {
            completions.push_back({.operation = std::move(operation), .error = full()});
        } else {
            rest.push_back(std::move(operation));
        }
    }
    return rest;
}

void Writer::carry_out_together(Batch batch, std::vector<Completion>& completions) {
    if (!carried_.empty()) {  // what comes later stays later
        std::ranges::move(batch, std::back_inserter(carried_));
        return;
    }
    auto failure = try_commit(batch);
    if (failure && batch.size() == 1 && reserve_helps(*batch.front(), *failure))
        failure = try_commit(batch);
    if (!failure) {
        for (OperationPtr& operation : batch) {
            completions.push_back({.operation = std::move(operation), .error = std::nullopt});
        }
        return;
    }
    const core::Error error = to_error(*failure, "write");
    if (failure->fatal()) stop_acknowledging(error);
    // Waiting two seconds for a lock once more for each of them would make them wait for minutes.
    if (failure->fatal() || failure->busy()) {
        fail_with_all_waiting(std::move(batch), error, completions);
    } else if (batch.size() == 1) {
        completions.push_back({.operation = std::move(batch.front()), .error = error});
    } else {
        const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
        Batch second(std::make_move_iterator(middle), std::make_move_iterator(batch.end()));
        batch.erase(middle, batch.end());
        for (Batch* half : {&batch, &second}) {
            if (fatal_) {
                fail_with_all_waiting(std::move(*half), *fatal_, completions);
            } else {
                carry_out_together(std::move(*half), completions);
            }
        }
    }
}

void Writer::carry_out_alone(OperationPtr operation, std::vector<Completion>& completions) {
    std::optional<core::Error> error;
    try {
        operation->run(session_);
    } catch (const Failure& failure) {
        error = to_error(failure, "write");
        if (failure.fatal()) stop_acknowledging(*error);
    } catch (const std::exception& exception) {
        error = storage_error(std::string("write: ") + exception.what());
    }
    completions.push_back({.operation = std::move(operation), .error = std::move(error)});
}

std::optional<Failure> Writer::try_commit(Batch& batch) {
    std::optional<Failure> failure;
    auto next = batch.begin();
    try {
        session_.begin();
        // What claims read is in memory until they complete: many of them in one batch could be
        // gigabytes.
        while (next != batch.end() && session_.event_bytes_read() < kMostBytesRead)
            (*next++)->run(session_);
        session_.commit();
    } catch (const Failure& thrown) {
        failure = thrown;
    } catch (const std::exception& thrown) {
        failure = Failure(SQLITE_ERROR, thrown.what());
    }
    if (failure) {
        session_.rollback();
    } else {
        carried_.assign(std::make_move_iterator(next), std::make_move_iterator(batch.end()));
        batch.erase(next, batch.end());
    }
    return failure;
}

bool Writer::reserve_helps(const Operation& operation, const Failure& failure) {
    const bool worth_it = operation.kind() == Operation::Kind::kOutcome ||
                          operation.kind() == Operation::Kind::kDelivery;
    return failure.disk_full() && worth_it && ballast_ && ballast_->release();
}

void Writer::fail_with_all_waiting(Batch batch, const core::Error& error,
                                   std::vector<Completion>& completions) {
    for (OperationPtr& operation : batch) {
        completions.push_back({.operation = std::move(operation), .error = error});
    }
    for (OperationPtr& operation : everything_waiting()) {
        completions.push_back({.operation = std::move(operation), .error = error});
    }
}

void Writer::stop_acknowledging(const core::Error& error) {
    if (fatal_) return;
    fatal_ = error;
    if (options_.on_fatal) options_.on_fatal(error);
}

void Writer::checkpoint_when_due() {
    const int pages = session_.wal_pages();
    const bool started_anew = pages < checkpoint_at_pages_ - kCheckpointPages;
    if (started_anew) checkpoint_at_pages_ = kCheckpointPages;
    const bool too_long = pages > options_.most_wal_pages;
    if (options_.hold_readers) options_.hold_readers(too_long && !fatal_);
    if (fatal_ || (pages < checkpoint_at_pages_ && !too_long)) return;
    // A reader may be in the way: try again only after as much again was written.
    checkpoint_at_pages_ = pages + kCheckpointPages;
    try {
        checkpoint(session_.db, Checkpoint::kPassive);
    } catch (const Failure& failure) {
        stop_acknowledging(to_error(failure, "checkpoint"));
    }
}

void Writer::complete(std::vector<Completion> completions) {
    for (const Completion& completion : completions) {
        if (completion.error) {
            completion.operation->fail(*completion.error);
        } else {
            completion.operation->succeed();
        }
    }
}

}  // namespace herald::storage::sqlite
