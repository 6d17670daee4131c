#include "providers/access_token.h"

namespace herald::providers {

void TokenCell::publish(AccessTokenPtr token) {
    {
        const std::scoped_lock lock(mutex_);
        token_.swap(token);
    }
    used_.store(false, std::memory_order_relaxed);
    version_.fetch_add(1, std::memory_order_release);
}

const AccessTokenPtr& TokenReader::read(core::SteadyTime now) {
    if (!cell_) return none_;
    const std::uint64_t version = cell_->version_.load(std::memory_order_acquire);
    if (version != seen_) {
        const std::scoped_lock lock(cell_->mutex_);
        token_ = cell_->token_;
        seen_ = version;
        noted_ = noted_stale_ = false;
    }
    if (!token_ || now >= token_->usable_until) return none_;
    note_use(now);
    return token_;
}

void TokenReader::note_use(core::SteadyTime now) {
    if (!noted_) {
        cell_->used_.store(true, std::memory_order_relaxed);
        noted_ = true;
    }
    if (!noted_stale_ && now >= token_->refresh_from) {
        noted_stale_ = true;
        cell_->on_stale_use_();
    }
}

}  // namespace herald::providers
