#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <optional>

#include "core/clock.h"

namespace herald::http {

/// Gives up what has run out of time: all deadlines of a transport behind one timer.
///
/// The timer is set again only when an earlier deadline appears, and stopped with the last one, so
/// that an idle transport keeps no event loop alive. Thread-safety: none. Lifetime: outlives every
/// Entry.
class DeadlineQueue final : public std::enable_shared_from_this<DeadlineQueue> {
public:
    enum class Reason { kOutOfTime, kShutdown };

    /// Something under way that can be told to end.
    class Interruptible {
    public:
        virtual void interrupt(Reason reason) noexcept = 0;

    protected:
        ~Interruptible() = default;
    };

    /// One deadline, waited for while it lives.
    class Entry final {
    public:
        Entry(DeadlineQueue& queue, core::SteadyTime at, Interruptible& what);
        ~Entry();
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        void move_to(core::SteadyTime at);

    private:
        friend class DeadlineQueue;
        DeadlineQueue& queue_;
        Interruptible& what_;
        std::multimap<core::SteadyTime, Entry*>::iterator place_;
    };

    DeadlineQueue(core::Clock& clock, const boost::asio::any_io_executor& executor);
    /// Tells everything to end now. What begins later has to ask.
    void shut_down();
    [[nodiscard]] bool is_shut_down() const { return is_shut_down_; }

private:
    void arm(core::SteadyTime at);
    void on_timer();
    void forget(const Entry& entry);

    core::Clock& clock_;
    std::unique_ptr<core::Timer> timer_;
    std::multimap<core::SteadyTime, Entry*> entries_;
    std::optional<core::SteadyTime> armed_at_;
    bool is_shut_down_ = false;
};

}  // namespace herald::http
