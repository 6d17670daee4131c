#pragma once

#include <boost/assert.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "core/await.h"
#include "storage/sqlite/cost.h"
#include "storage/sqlite/failure.h"
#include "storage/sqlite/write_session.h"

namespace herald::storage::sqlite {

/// One write, waiting for the writer.
class Operation {
public:
    enum class Kind {
        kIngest,    ///< takes something new in: refused when the disk or the queue is full
        kDelivery,  ///< what deliveries need to go on: worth the reserved disk space
        kOutcome,   ///< as kDelivery, and nobody waits for it: may wait for company
        kOther,
        kAlone,  ///< runs outside of any transaction
    };

    Operation(Kind kind, Cost cost) noexcept : kind_(kind), cost_(cost) {}
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    virtual ~Operation() = default;

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] const Cost& cost() const noexcept { return cost_; }
    /// May run several times, each after a rollback of the one before. Throws Failure.
    virtual void run(WriteSession& session) = 0;
    /// Exactly one of these, once. After `run` is durable:
    virtual void succeed() = 0;
    virtual void fail(const core::Error& error) = 0;

private:
    Kind kind_;
    Cost cost_;
};

using OperationPtr = std::unique_ptr<Operation>;

/// `body(WriteSession&) -> T`; a Refusal it throws is its result.
template <class T, class Body>
class BodyOperation final : public Operation {
public:
    BodyOperation(Kind kind, Body body, core::Done<T> done, Cost cost)
        : Operation(kind, cost), body_(std::move(body)), done_(std::move(done)) {}

    void run(WriteSession& session) override {
        // What may refuse may also count first, and finds the counts written by then.
        if (kind() == Kind::kOther) session.tally.write(session.db);
        const std::int64_t before = session.db.total_changes();
        try {
            if constexpr (std::is_void_v<T>) {
                std::as_const(body_)(session);
                result_.emplace();
            } else {
                result_.emplace(std::as_const(body_)(session));
            }
        } catch (const Refusal& refusal) {
            // A refusal is committed with its neighbours, so it must not have written anything.
            BOOST_ASSERT(session.db.total_changes() == before);
            result_.emplace(refusal.error());
        }
        static_cast<void>(before);
    }
    void succeed() override { done_(std::move(*result_)); }
    void fail(const core::Error& error) override { done_(core::Result<T>(error)); }

private:
    Body body_;
    core::Done<T> done_;
    std::optional<core::Result<T>> result_;
};

template <class T, class Body>
[[nodiscard]] OperationPtr make_operation(Operation::Kind kind, Body body, core::Done<T> done,
                                          Cost cost = {}) {
    return std::make_unique<BodyOperation<T, Body>>(kind, std::move(body), std::move(done), cost);
}

}  // namespace herald::storage::sqlite
