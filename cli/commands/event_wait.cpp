#include "cli/commands/event_wait.h"

#include <algorithm>

#include "cli/commands/answers.h"
#include "cli/pause.h"
#include "core/backoff.h"

namespace herald::cli {
namespace json = boost::json;

namespace {

bool is_finished(const json::value& callout) {
    const std::string state = text_at(callout, "state");
    return state == "delivered" || state == "dead" || state == "cancelled";
}

core::Result<json::value> look(Context& context, const std::string& id) {
    auto path = item_path("/v1/events", id);
    if (!path) return path.error();
    auto body = context.call(json_request("GET", std::move(*path)));
    if (!body) return body.error();
    return parse_answer(*body);
}

}  // namespace

core::Result<json::value> wait_until_finished(Context& context, json::value fired) {
    constexpr core::Backoff kLook{.first = std::chrono::milliseconds(10),
                                  .longest = std::chrono::milliseconds(250)};
    for (int looks = 1;; ++looks) {
        auto event = look(context, text_at(fired, "id"));
        if (!event) return event.error();
        const auto& callouts = array_at(*event, "callouts");
        if (std::all_of(callouts.begin(), callouts.end(), is_finished)) {
            fired.as_object()["callouts"] = callouts;
            return fired;
        }
        pause(context.clock(), kLook.after(looks));
    }
}

}  // namespace herald::cli
