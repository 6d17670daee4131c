#include "cli/commands/event_wait.h"

#include <algorithm>
#include <map>

#include "cli/commands/answers.h"
#include "cli/pause.h"
#include "core/backoff.h"
#include "core/time_text.h"

namespace herald::cli {
namespace json = boost::json;

namespace {

constexpr core::Backoff kLook{.first = std::chrono::milliseconds(10),
                              .longest = std::chrono::milliseconds(250)};
constexpr const char* kPage = "1000";  // more than an event may have callouts

bool is_finished(const json::value& callout) {
    const std::string state = text_at(callout, "state");
    return state == "delivered" || state == "dead" || state == "cancelled";
}

std::string told(const json::value& callout, const json::value& attempt) {
    std::string line = text_at(callout, "id") + " " + text_at(callout, "notification") +
                       ": attempt " + text_at(attempt, "number") + " " +
                       text_at(attempt, "outcome");
    for (const char* member : {"status", "error"}) {
        const std::string text = text_at(attempt, member);
        if (!text.empty()) line.append(" ").append(text);
    }
    return line;
}

/// The attempts of the event's callouts that have not been told yet.
class Attempts final {
public:
    explicit Attempts(Output& output) : output_(output) {}

    void tell(const json::array& callouts) {
        for (const json::value& callout : callouts) {
            const json::array& attempts = array_at(callout, "attempts");
            std::size_t& count = told_[text_at(callout, "id")];
            for (; count < attempts.size(); ++count) {
                std::string line = told(callout, attempts[count]);
                const std::string due = text_at(callout, "due_at");
                if (count + 1 == attempts.size() && !is_finished(callout) && !due.empty())
                    line.append(", next at ").append(due);
                output_.progress(line);
            }
        }
    }

private:
    Output& output_;
    std::map<std::string, std::size_t> told_;
};

core::Result<json::array> callouts_of(Context& context, const std::string& event) {
    auto request = json_request("GET", "/v1/callouts");
    request.query["event"] = event;
    request.query["limit"] = kPage;
    auto body = context.call(std::move(request));
    if (!body) return body.error();
    auto answer = parse_answer(*body);
    if (!answer) return answer.error();
    return array_at(*answer, "items");
}

json::array summaries(const json::array& callouts) {
    json::array out;
    for (const json::value& callout : callouts) {
        json::object summary;
        for (const char* member : {"id", "notification", "state", "reason"}) {
            const json::value* value = callout.as_object().if_contains(member);
            summary[member] = value == nullptr ? json::value() : *value;
        }
        out.push_back(std::move(summary));
    }
    return out;
}

core::Error not_finished(const std::string& event, std::chrono::milliseconds patience) {
    core::Error error{.kind = core::ErrorKind::kTransient, .code = "not_finished", .message = {}};
    error.message = "wait for event " + event + ": its callouts are not finished after " +
                    core::format_duration(patience) + "; see 'herald event show " + event + "'";
    error.details["id"] = event;
    return error;
}

}  // namespace

core::Result<json::value> wait_until_finished(Context& context, json::value fired,
                                              std::optional<std::chrono::milliseconds> patience) {
    const std::string id = text_at(fired, "id");
    const auto begun = context.clock().steady_now();
    Attempts attempts(context.output());
    for (int looks = 1;; ++looks) {
        auto callouts = callouts_of(context, id);
        if (!callouts) return callouts.error();
        attempts.tell(*callouts);
        if (std::all_of(callouts->begin(), callouts->end(), is_finished)) {
            fired.as_object()["callouts"] = summaries(*callouts);
            return fired;
        }
        if (patience && context.clock().steady_now() - begun >= *patience)
            return not_finished(id, *patience);
        const auto wait = kLook.after(looks);
        pause(context.clock(), patience ? std::min(wait, *patience) : wait);
    }
}

}  // namespace herald::cli
