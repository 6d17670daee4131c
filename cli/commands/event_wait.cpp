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
constexpr const char* kPage = "1000";  // the longest that the API gives

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
class ToldAttempts final {
public:
    explicit ToldAttempts(Output& output) : output_(output) {}

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

json::object summary_of(const json::value& callout) {
    json::object summary;
    for (const char* member : {"id", "notification", "state", "reason"}) {
        const json::value* value = callout.as_object().if_contains(member);
        summary[member] = value == nullptr ? json::value() : *value;
    }
    return summary;
}

/// The event's callouts, newest first, a page in memory at a time.
class EventCallouts final {
public:
    EventCallouts(Context& context, std::string event)
        : context_(context), event_(std::move(event)), attempts_(context.output()) {}

    /// Tells what is new of each callout that was not finished before. True: now all are.
    core::Result<bool> look() {
        bool all_finished = true;
        std::string cursor = unfinished_from_;
        do {
            auto page = page_from(cursor);
            if (!page) return page.error();
            const json::array& callouts = array_at(*page, "items");
            attempts_.tell(callouts);
            all_finished = all_finished && std::ranges::all_of(callouts, is_finished);
            cursor = text_at(*page, "next_cursor");
            if (!all_finished) continue;
            unfinished_from_ = cursor;
            for (const json::value& callout : callouts) finished_.push_back(summary_of(callout));
        } while (!cursor.empty());
        return all_finished;
    }

    json::array take_summaries() { return std::move(finished_); }

private:
    core::Result<json::value> page_from(const std::string& cursor) {
        auto request = json_request("GET", std::string(kCallouts));
        request.query["event"] = event_;
        request.query["limit"] = kPage;
        if (!cursor.empty()) request.query["cursor"] = cursor;
        auto body = context_.call(std::move(request));
        if (!body) return body.error();
        return parse_answer(*body);
    }

    Context& context_;
    const std::string event_;
    ToldAttempts attempts_;
    std::string unfinished_from_;  ///< the pages before it are in `finished_`, not asked for again
    json::array finished_;
};

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
    EventCallouts callouts(context, id);
    for (int looks = 1;; ++looks) {
        const auto all_finished = callouts.look();
        if (!all_finished) return all_finished.error();
        if (*all_finished) {
            fired.as_object()["callouts"] = callouts.take_summaries();
            return fired;
        }
        if (patience && context.clock().steady_now() - begun >= *patience)
            return not_finished(id, *patience);
        const auto wait = kLook.after(looks);
        pause(context.clock(), patience ? std::min(wait, *patience) : wait);
    }
}

}  // namespace herald::cli
