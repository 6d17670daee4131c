#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "storage/sqlite/connection.h"

namespace herald::storage::sqlite {

/// Connections that can only read, each lent for one short read, so that readers wait neither for
/// each other nor for the writer.
///
/// Whoever waits is served in the order of arrival: one that comes back for its next page lines up
/// again. Thread-safety: all methods may be called concurrently.
class Readers final {
public:
    /// Gives the connection back when it goes out of scope.
    class Loan final {
    public:
        Loan(Readers& owner, std::unique_ptr<Connection> connection)
            : owner_(&owner), connection_(std::move(connection)) {}
        Loan(Loan&&) noexcept = default;
        Loan& operator=(Loan&&) = delete;
        Loan(const Loan&) = delete;
        Loan& operator=(const Loan&) = delete;
        ~Loan();

        [[nodiscard]] Connection& db() const { return *connection_; }

    private:
        Readers* owner_;
        std::unique_ptr<Connection> connection_;
    };

    /// Throws Failure. REQUIRES: the writing connection is open.
    Readers(const std::filesystem::path& path, std::size_t count);
    Readers(const Readers&) = delete;
    Readers& operator=(const Readers&) = delete;
    ~Readers() { close(); }

    /// Waits while all are lent. Empty once closed.
    [[nodiscard]] std::optional<Loan> borrow();
    static constexpr std::chrono::milliseconds kLongestHold{250};
    /// While held back nobody begins to read, for a moment at most: the -wal is used from its
    /// beginning again only once nobody reads what is in it.
    void hold_back(bool held_back);
    /// Waits until all are back. Idempotent.
    void close();

private:
    void give_back(std::unique_ptr<Connection> connection);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
    std::size_t lent_ = 0;                           // guarded by mutex_
    std::uint64_t next_ticket_ = 0;                  // guarded by mutex_
    std::uint64_t now_serving_ = 0;                  // guarded by mutex_
    bool held_back_ = false;                         // guarded by mutex_
    bool closed_ = false;                            // guarded by mutex_
};

}  // namespace herald::storage::sqlite
