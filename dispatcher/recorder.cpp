#include "dispatcher/recorder.h"

#include <exception>

#include "core/log.h"

namespace herald::dispatcher {
namespace {

constexpr std::chrono::seconds kPause{1};

}  // namespace

void Recorder::record(AttemptResult result, Recorded recorded) {
    auto outcome = std::make_shared<Outcome>();
    if (result.attempts.empty())
        outcome->updates.push_back(std::move(result.update));
    else
        outcome->attempted = {std::move(result.attempts), std::move(result.update)};
    outcome->written = std::move(recorded);
    write(std::move(outcome));
}

void Recorder::release(std::vector<storage::CalloutUpdate> updates, Recorded released) {
    auto outcome = std::make_shared<Outcome>();
    outcome->updates = std::move(updates);
    outcome->written = std::move(released);
    write(std::move(outcome));
}

void Recorder::write(std::shared_ptr<const Outcome> outcome) {
    auto done = [this, mailbox = mailbox_, outcome](const core::Result<bool>& written) {
        if (written) {
            return mailbox->post(
                [outcome, next_is_due = *written] { outcome->written(next_is_due); });
        }
        refused(written.error(), outcome);
    };
    if (outcome->attempted.attempts.empty()) {
        queue_.update_callouts(outcome->updates, std::move(done));
    } else {
        queue_.record_attempt({outcome, &outcome->attempted}, std::move(done));
    }
}

void Recorder::refused(const core::Error& error, const std::shared_ptr<const Outcome>& outcome) {
    core::log(
        core::LogLevel::kError, "outcome_not_recorded",
        {{"callout", outcome->callout().text()}, {"code", error.code}, {"error", error.message}});
    switch (error.kind) {
        case core::ErrorKind::kTransient:
        case core::ErrorKind::kThrottled:
            return mailbox_->post([this, outcome] { write_later(outcome); });
        case core::ErrorKind::kNotFound:
            return mailbox_->post([outcome] { outcome->written(false); });
        case core::ErrorKind::kStorage:
        case core::ErrorKind::kCancelled:
            return;  // the store is closed, or its owner is about to end the process
        case core::ErrorKind::kUnauthorized:
        case core::ErrorKind::kPermanent:
        case core::ErrorKind::kConflict:
        case core::ErrorKind::kInvalidArgument:
            break;
    }
    if (on_bug_) return on_bug_(error);
    std::terminate();
}

void Recorder::write_later(std::shared_ptr<const Outcome> outcome) {
    const std::shared_ptr<core::Timer> timer = clock_.make_timer(executor_);
    timer->expires_at(clock_.steady_now() + kPause);
    timer->on_expiry([this, timer, outcome](bool fired) {
        if (fired) write(outcome);
    });
}

}  // namespace herald::dispatcher
