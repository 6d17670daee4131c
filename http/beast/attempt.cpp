#include "http/beast/attempt.h"

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

void Attempt::enter(Phase phase, core::SteadyTime cap) {
    phase_ = phase;
    if (interruption_ == DeadlineQueue::Reason::kOutOfTime) interruption_.reset();
    entry_.move_to(std::min(cap, deadline()));
}

void Attempt::interrupt(DeadlineQueue::Reason reason) noexcept {
    interruption_ = reason;
    if (connection_ != nullptr) connection_->close();
    if (wake_ != nullptr) wake_->cancel();
}

core::Error Attempt::failure(std::string_view code, std::string_view cause) const {
    if (interruption_ == DeadlineQueue::Reason::kOutOfTime) return out_of_time();
    const bool is_shutdown = is_shut_down();
    std::string message(activity(phase_));
    message.append(request_.url.origin()).append(" failed: ");
    message.append(is_shutdown ? std::string_view("the transport was shut down") : cause);
    auto error = transport_error(code, {.phase = phase_, .sent = sent_}, std::move(message));
    if (is_shutdown) error.kind = core::ErrorKind::kCancelled;
    return error;
}

core::Error Attempt::out_of_time() const {
    std::string message(activity(phase_));
    message.append(request_.url.origin()).append(" took too long and was given up");
    return transport_error("timeout", {.phase = phase_, .sent = sent_}, std::move(message));
}

}  // namespace herald::http
