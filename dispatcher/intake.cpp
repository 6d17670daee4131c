#include "dispatcher/intake.h"

#include "core/encoding.h"
#include "core/json.h"
#include "core/text_rules.h"
#include "dispatcher/byte_budget.h"
#include "dispatcher/event_pattern.h"

namespace herald::dispatcher {
namespace {

using core::Error;
using core::ErrorKind;
using core::Result;

constexpr std::size_t kMaxData = 1024 * 1024;
constexpr std::size_t kMaxKey = 255;
constexpr int kMaxMatches = 5;

Result<> validate_key(std::string_view key) {
    if (key.empty() || key.size() > kMaxKey || core::has_control_character(key) ||
        !core::is_valid_utf8(key)) {
        return core::invalid_argument("key", "1 to 255 bytes of UTF-8 without control characters");
    }
    return {};
}

Result<> validate_input(const EventInput& input) {
    if (auto ok = validate_event_type(input.type); !ok) return ok;
    if (input.key) {
        if (auto ok = validate_key(*input.key); !ok) return ok;
    }
    if (input.data.size() > kMaxData) return core::invalid_argument("data", "at most 1 MiB");
    if (auto ok = core::validate_json(input.data); !ok) {
        Error error = ok.error();
        error.message = "data: " + error.message;
        error.details["field"] = "data";
        return error;
    }
    return {};
}

Error key_conflict(const std::string& key) {
    return {.kind = ErrorKind::kConflict,
            .code = "idempotency_conflict",
            .message = "the idempotency key '" + core::printable(key, 255) +
                       "' was used for an event with another type or other data; use a new key"};
}

}  // namespace

// One event on its way in; shared with the store's callback.
struct Intake::Submission {
    EventInput input;
    storage::EventPtr event;
    std::vector<storage::NewCallout> callouts;
    core::Done<AcceptedEvent> done;
    int matches = 0;
};

Intake::Intake(storage::ConfigurationStore& configuration, storage::CalloutQueue& queue,
               core::Clock& clock, core::Random& random, LaneDoor* door)
    : configuration_(configuration), queue_(queue), clock_(clock), random_(random), door_(door) {}

void Intake::close() {
    closed_ = true;
}

Result<CataloguePtr> Intake::catalogue() {
    if (auto refreshed = catalogue_->refresh(configuration_); !refreshed) return refreshed.error();
    return catalogue_;
}

void Intake::submit(EventInput input, core::Done<AcceptedEvent> done) {
    if (closed_) {
        return done(Error{
            .kind = ErrorKind::kTransient,
            .code = "shutting_down",
            .message = "the daemon is stopping and takes no new events; send it again later"});
    }
    if (auto ok = validate_input(input); !ok) return done(ok.error());
    const core::StoredTime now = clock_.stored_now();
    auto event = std::make_shared<storage::EventRecord>();
    event->id = core::EventId::generate(now, random_);
    event->type = input.type;
    event->data = std::move(input.data);
    event->key = input.key;
    event->occurred_at = input.occurred_at.value_or(clock_.on_the_wall(now));
    event->received_at = now;
    auto submission = std::make_shared<Submission>();
    submission->input = std::move(input);
    submission->event = std::move(event);
    submission->done = std::move(done);
    append(std::move(submission));
}

void Intake::append(std::shared_ptr<Submission> submission) {
    if (auto refreshed = catalogue_->refresh(configuration_); !refreshed)
        return submission->done(refreshed.error());
    ++submission->matches;
    const Catalogue::Found found = catalogue_->match(submission->event->type);
    submission->callouts.clear();
    const std::size_t cost = LaneBytes::cost_of(submission->event->data.size());
    for (const CompiledNotificationPtr& notification : found.notifications) {
        const storage::NotificationRecord& record = notification->record;
        storage::NewCallout callout;
        callout.id = core::CalloutId::generate(submission->event->received_at, random_);
        callout.notification = record.id;
        callout.notification_name = record.name;
        if (const auto* oauth = std::get_if<storage::OauthAuth>(&record.auth))
            callout.provider_name = oauth->provider_name;
        callout.order_key = order_key(*notification, *submission->event);
        // Whether it may go before others of its key only the store can tell.
        callout.claimed =
            door_ != nullptr && callout.order_key.empty() && door_->try_reserve(record.id, cost);
        submission->callouts.push_back(std::move(callout));
    }
    storage::NewEvent event{.event = submission->event,
                            .callouts = submission->callouts,
                            .catalogue_version = found.version};
    queue_.append_event(std::move(event), [this, submission](Result<storage::AppendResult> result) {
        appended(submission, std::move(result));
    });
}

void Intake::appended(const std::shared_ptr<Submission>& submission,
                      Result<storage::AppendResult> result) {
    const bool stored = result && result->status == storage::AppendStatus::kStored;
    const std::size_t cost = LaneBytes::cost_of(submission->event->data.size());
    AcceptedEvent accepted{.id = submission->event->id, .duplicate = false, .callouts = {}};
    for (const storage::NewCallout& callout : submission->callouts) {
        if (stored)
            accepted.callouts.push_back(
                {.id = callout.id, .notification = callout.notification_name});
        if (door_ == nullptr) continue;
        if (!stored) {
            if (callout.claimed) door_->unreserve(callout.notification, cost);
        } else if (callout.claimed) {
            door_->accept(callout.notification, callout.id, submission->event);
        } else {
            door_->backlog_grew(callout.notification, submission->event->received_at);
        }
    }
    if (!result) return submission->done(result.error());
    switch (result->status) {
        case storage::AppendStatus::kStored:
            break;
        case storage::AppendStatus::kDuplicate:
            accepted.id = result->event;
            accepted.duplicate = true;
            for (const storage::CalloutRecord& callout : result->callouts) {
                accepted.callouts.push_back(
                    {.id = callout.id, .notification = callout.notification_name});
            }
            break;
        case storage::AppendStatus::kKeyConflict:
            return submission->done(key_conflict(*submission->input.key));
        case storage::AppendStatus::kStaleCatalogue:
            if (submission->matches < kMaxMatches) return append(submission);
            return submission->done(
                Error{.kind = ErrorKind::kTransient,
                      .code = "database_locked",
                      .message = "notifications keep changing; send the event again"});
    }
    submission->done(std::move(accepted));
}

}  // namespace herald::dispatcher
