#include "http/beast/request_progress.h"

namespace herald::http {
namespace {

std::string_view activity(Phase phase) {
    switch (phase) {
        case Phase::kResolve:
            return "looking up the name for ";
        case Phase::kConnect:
            return "connecting to ";
        case Phase::kTls:
            return "the TLS handshake with ";
        case Phase::kWrite:
            return "sending a request to ";
        case Phase::kRead:
            return "reading the response of ";
    }
    return "";
}

}  // namespace

void RequestProgress::begin(Phase phase, core::SteadyTime cap) {
    phase_ = phase;
    if (interruption_ == DeadlineQueue::Reason::kOutOfTime) interruption_.reset();
    entry_.move_to(std::min(cap, deadline()));
}

void RequestProgress::interrupt(DeadlineQueue::Reason reason) noexcept {
    interruption_ = reason;
    if (connection_ != nullptr) connection_->close();
    if (wake_ != nullptr) wake_->cancel();
}

core::Error RequestProgress::failure(std::string_view code, std::string_view cause) const {
    if (interruption_ == DeadlineQueue::Reason::kOutOfTime) return out_of_time();
    const FailurePoint point{.phase = phase_, .sent = sent_};
    if (!is_shut_down()) return transport_error(code, point, broken_by(cause));
    auto error = transport_error(code, point, broken_by("the transport was shut down"));
    error.kind = core::ErrorKind::kCancelled;
    return error;
}

core::Error RequestProgress::failure(std::string_view code,
                                     const boost::system::error_code& ec) const {
    const auto own = is_interrupted() ? std::nullopt : failure::own_failure(ec);
    return own ? own_failure(*own, ec.message()) : failure(code, ec.message());
}

core::Error RequestProgress::own_failure(std::string_view code, std::string_view cause) const {
    if (is_shut_down()) return failure(code, cause);
    if (sent_) return failure(failure::kHttp, cause);
    std::string message = broken_by(cause);
    message.append("; this machine is to blame, not the other side");
    return local_failure(code, phase_, std::move(message));
}

core::Error RequestProgress::unresolved(const core::Error& error) const {
    return error.code == failure::kResolverUnavailable ? own_failure(error.code, error.message)
                                                       : failure(error.code, error.message);
}

std::string RequestProgress::broken_by(std::string_view cause) const {
    std::string message(activity(phase_));
    return message.append(request_.url.origin()).append(" failed: ").append(cause);
}

core::Error RequestProgress::out_of_time() const {
    std::string message(activity(phase_));
    message.append(request_.url.origin()).append(" took too long and was given up");
    return transport_error("timeout", {.phase = phase_, .sent = sent_}, std::move(message));
}

}  // namespace herald::http
