#include "storage/sqlite/readers.h"

#include <utility>

#include "storage/sqlite/open_database.h"

namespace herald::storage::sqlite {

Readers::Loan::~Loan() {
    if (connection_) owner_->give_back(std::move(connection_));
}

Readers::Readers(const std::filesystem::path& path, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        idle_.push_back(std::make_unique<Connection>(open_reader(path)));
}

std::optional<Readers::Loan> Readers::borrow() {
    std::unique_lock lock(mutex_);
    // By time too: where nothing more is written nobody lets us go on.
    changed_.wait_for(lock, kLongestHold, [this] { return closed_ || !held_back_; });
    const std::uint64_t ticket = next_ticket_++;
    changed_.wait(lock, [&] { return closed_ || (ticket == now_serving_ && !idle_.empty()); });
    if (closed_) return std::nullopt;
    ++now_serving_;
    ++lent_;
    Loan loan(*this, std::move(idle_.back()));
    idle_.pop_back();
    changed_.notify_all();  // the next ticket may find another one idle
    return loan;
}

void Readers::give_back(std::unique_ptr<Connection> connection) {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(connection));
    --lent_;
    changed_.notify_all();
}

void Readers::hold_back(bool held_back) {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(held_back_, held_back) != held_back) changed_.notify_all();
}

void Readers::close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return lent_ == 0; });
    idle_.clear();
}

}  // namespace herald::storage::sqlite
