#pragma once

#include <algorithm>
#include <optional>

#include "http/beast/connection.h"
#include "http/beast/deadline_queue.h"
#include "http/beast/transport_error.h"
#include "http/message.h"

namespace herald::http {

/// One request under way: what it is doing, until when, and how it is ended from outside.
class RequestProgress final : public DeadlineQueue::Interruptible {
public:
    /// REQUIRES: `request` outlives it.
    RequestProgress(DeadlineQueue& queue, const Request& request)
        : request_(request), entry_(queue, request.deadline, *this) {}

    /// The next phase may last until `cap`, but never past the deadline; running out of an earlier
    /// cap is forgiven.
    void begin(Phase phase, core::SteadyTime cap = core::SteadyTime::max());
    /// What is awaited now, null when that is over.
    void awaits(Connection* connection) { connection_ = connection; }
    void awaits(core::Timer* wake) { wake_ = wake; }
    void interrupt(DeadlineQueue::Reason reason) noexcept override;

    [[nodiscard]] bool is_interrupted() const { return interruption_.has_value(); }
    [[nodiscard]] bool is_shut_down() const {
        return interruption_ == DeadlineQueue::Reason::kShutdown;
    }
    [[nodiscard]] core::SteadyTime deadline() const { return request_.deadline; }
    void mark_sent() { sent_ = true; }

    /// The error for what just broke: `code` and `cause`, or the interruption where that broke it.
    [[nodiscard]] core::Error failure(std::string_view code, std::string_view cause) const;
    /// The same for what the system says; where it says that this machine is to blame and nothing
    /// was sent, the code says so too.
    [[nodiscard]] core::Error failure(std::string_view code,
                                      const boost::system::error_code& ec) const;
    /// This machine is to blame, unless the transport was shut down or something was sent.
    [[nodiscard]] core::Error own_failure(std::string_view code, std::string_view cause) const;
    [[nodiscard]] core::Error out_of_time() const;
    /// What the resolver said, told of this request.
    [[nodiscard]] core::Error unresolved(const core::Error& error) const;

private:
    [[nodiscard]] std::string broken_by(std::string_view cause) const;

    const Request& request_;
    DeadlineQueue::Entry entry_;
    Phase phase_ = Phase::kResolve;
    std::optional<DeadlineQueue::Reason> interruption_;
    bool sent_ = false;
    Connection* connection_ = nullptr;
    core::Timer* wake_ = nullptr;
};

}  // namespace herald::http
