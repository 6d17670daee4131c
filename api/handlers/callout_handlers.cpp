#include <charconv>

#include "api/call.h"
#include "api/handlers/callout_steps.h"
#include "api/json_view.h"
#include "api/member_reader.h"
#include "api/problem.h"
#include "core/time_text.h"

namespace herald::api {
namespace {

using core::invalid_argument;
using core::Result;
using storage::CalloutFilter;
using storage::CalloutRecord;
using storage::CalloutState;

constexpr std::size_t kRetryStep = 1000;

Result<boost::json::object> full_view(const Services& services, const CalloutRecord& callout,
                                      const HoldReasons& reasons) {
    const auto attempts = services.store.attempts_of(callout.id);
    if (!attempts) return attempts.error();
    CalloutRecord shown = callout;
    shown.reason = reasons.of(callout);
    shown.due_at = reasons.due_at(callout);
    return callout_json(shown, *attempts, services.clock);
}

Result<ApiResponse> shown_callout(const Services& services, const CalloutRecord& callout) {
    const auto reasons = HoldReasons::read(services);
    if (!reasons) return reasons.error();
    const auto view = full_view(services, callout, *reasons);
    if (!view) return view.error();
    return json_response(200, *view);
}

Result<core::CalloutId> callout_id(const Call& call) {
    auto id = core::CalloutId::parse(call.param("id"));
    if (!id) return core::not_found("callout", call.param("id"));
    return id;
}

Result<ApiResponse> show(const Call& call) {
    const auto id = callout_id(call);
    if (!id) return id.error();
    const auto callout = call.services.store.callout(*id);
    if (!callout) return callout.error();
    return shown_callout(call.services, *callout);
}

Result<std::size_t> read_limit(const std::string& text) {
    std::size_t limit = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), limit);
    const bool whole = ec == std::errc() && end == text.data() + text.size();
    if (!whole || limit < 1 || limit > storage::CalloutFilter::kLongestPage)
        return invalid_argument("limit", "1 to 1000");
    return limit;
}

Result<core::StoredTime> read_since(const std::string& text, const core::Clock& clock) {
    const auto since = core::parse_time(text);
    if (!since) return invalid_argument("since", "an RFC 3339 time such as 2026-11-21T08:00:00Z");
    return clock.on_the_line(*since);
}

Result<CalloutState> read_state(const std::string& text) {
    const auto state = storage::parse_callout_state(text);
    if (!state)
        return invalid_argument("state",
                                "one of pending, claimed, in_flight, delivered, dead, cancelled");
    return *state;
}

Result<core::EventId> read_event_id(const std::string& text) {
    auto id = core::EventId::parse(text);
    if (!id) return invalid_argument("event", "an event id, evt_ and 26 characters");
    return id;
}

// A cursor is the last id of the page before: anything else was not given out by us (E-107).
Result<core::CalloutId> read_cursor(const std::string& text) {
    auto id = core::CalloutId::parse(text);
    if (!id)
        return malformed_request("cursor: not one that a page of callouts gave as next_cursor");
    return id;
}

// Where the parameter is there, what `read` makes of it goes into `into`.
template <class Into, class Read>
Result<> take_query(const Call& call, const char* name, Into& into, Read read) {
    const auto text = call.query(name);
    if (!text) return {};
    auto value = read(*text);
    if (!value) return value.error();
    into = std::move(*value);
    return {};
}

Result<CalloutFilter> read_filter(const Call& call) {
    if (auto ok =
            expect_query(call, {"state", "notification", "event", "since", "limit", "cursor"});
        !ok) {
        return ok.error();
    }
    CalloutFilter filter;
    filter.notification = call.query("notification");
    if (auto ok = take_query(call, "state", filter.state, read_state); !ok) return ok.error();
    if (auto ok = take_query(call, "event", filter.event, read_event_id); !ok) return ok.error();
    if (auto ok = take_query(
            call, "since", filter.since,
            [&](const std::string& text) { return read_since(text, call.services.clock); });
        !ok)
        return ok.error();
    if (auto ok = take_query(call, "limit", filter.limit, read_limit); !ok) return ok.error();
    if (auto ok = take_query(call, "cursor", filter.before, read_cursor); !ok) return ok.error();
    return filter;
}

Result<ApiResponse> list(const Call& call) {
    auto filter = read_filter(call);
    if (!filter) return filter.error();
    const std::size_t limit = filter->limit;
    // One more tells whether there is a next page; the store gives no more than the longest page,
    // so there a full one does.
    filter->limit = std::min(limit + 1, storage::CalloutFilter::kLongestPage);
    auto page = call.services.store.list_callouts(*filter);
    if (!page) return page.error();
    const std::vector<CalloutRecord>& found = page->callouts;
    const bool more = found.size() > limit || found.size() == storage::CalloutFilter::kLongestPage;
    const auto reasons = HoldReasons::read(call.services);
    if (!reasons) return reasons.error();
    boost::json::object out;
    boost::json::array items;
    for (std::size_t i = 0; i < std::min(limit, found.size()); ++i) {
        auto view = full_view(call.services, found[i], *reasons);
        if (!view) return view.error();
        items.push_back(std::move(*view));
    }
    out["items"] = std::move(items);
    out["next_cursor"] = nullptr;
    if (more) {
        out["next_cursor"] = found[limit - 1].id.text();
    } else if (page->resume_before) {
        out["next_cursor"] = page->resume_before->text();
    }
    return json_response(200, out);
}

void wake(const Services& services, const std::optional<core::NotificationId>& lane) {
    if (services.scheduler != nullptr && lane) services.scheduler->wake(*lane);
}

Result<ApiResponse> retry(const Call& call) {
    if (auto ok = expect_no_input(call); !ok) return ok.error();
    const auto id = callout_id(call);
    if (!id) return id.error();
    const auto callout = call.services.store.retry_callout(*id, call.services.clock.stored_now());
    if (!callout) return callout.error();
    wake(call.services, callout->notification);
    return shown_callout(call.services, *callout);
}

Result<ApiResponse> cancel(const Call& call) {
    if (auto ok = expect_no_input(call); !ok) return ok.error();
    const auto id = callout_id(call);
    if (!id) return id.error();
    const auto callout = call.services.store.cancel_callout(*id);
    if (!callout) return callout.error();
    wake(call.services, callout->notification);  // the next one of its order key may go
    return shown_callout(call.services, *callout);
}

struct RetryOrder {
    CalloutFilter filter;
    bool dry_run = false;
    std::optional<std::int64_t> limit;
};

Result<RetryOrder> read_retry_order(const Call& call) {
    const auto request = body_object(call);
    if (!request) return request.error();
    RetryOrder order;
    std::string state;
    std::optional<std::string> since;
    std::optional<std::string> after;
    MemberReader in(*request);
    in.text("state", state);
    in.optional_text("notification", order.filter.notification);
    in.optional_text("since", since);
    in.flag("dry_run", order.dry_run);
    in.optional_whole("limit", order.limit);
    in.optional_text("after", after);
    if (auto done = in.finish(); !done) return done.error();
    if (order.limit && *order.limit < 1) return invalid_argument("limit", "at least 1");
    if (state != "dead" && state != "pending")
        return invalid_argument("state", "\"dead\" or \"pending\" is expected");
    order.filter.state = state == "dead" ? CalloutState::kDead : CalloutState::kPending;
    if (state == "pending" && (since || after))
        return invalid_argument(since ? "since" : "after", "goes with state \"dead\" only");
    if (after) {
        const auto id = core::CalloutId::parse(*after);
        if (!id) return invalid_argument("after", "the `last` of the step before");
        order.filter.after = *id;
    }
    if (!since) return order;
    const auto from = read_since(*since, call.services.clock);
    if (!from) return from.error();
    order.filter.since = *from;
    return order;
}

void wake_lanes(const Services& services) {
    if (services.scheduler == nullptr) return;
    for (const dispatcher::LaneSnapshot& lane : services.scheduler->lanes())
        services.scheduler->wake(lane.id);
}

Result<std::vector<storage::NotificationRecord>> notifications_of(const Services& services,
                                                                  const RetryOrder& order) {
    if (!order.filter.notification) return services.store.notifications();
    auto one = services.store.notification(*order.filter.notification);
    if (!one) return one.error();
    std::vector<storage::NotificationRecord> records;
    records.push_back(std::move(*one));
    return records;
}

Result<std::int64_t> retry_waiting_of(const Services& services, core::NotificationId id,
                                      core::StoredTime now, std::int64_t wanted) {
    std::int64_t done = 0;
    while (done < wanted) {
        const auto left = static_cast<std::size_t>(wanted - done);
        const auto step = services.store.retry_waiting(id, now, left, false);
        if (!step) return step;
        if (*step == 0) break;
        done += *step;
        wake(services, id);
    }
    return done;
}

// Those that wait for a later time go now; no more than there are when it begins.
Result<storage::RetriedDead> retry_waiting(const Services& services, const RetryOrder& order) {
    const auto notifications = notifications_of(services, order);
    if (!notifications) return notifications.error();
    const core::StoredTime now = services.clock.stored_now();
    storage::RetriedDead total;
    for (const storage::NotificationRecord& record : *notifications) {
        const auto there = services.store.retry_waiting(record.id, now, 0, true);
        if (!there) return there.error();
        std::int64_t wanted = *there;
        if (order.limit) wanted = std::min(wanted, *order.limit - total.count);
        const auto done =
            order.dry_run ? there : retry_waiting_of(services, record.id, now, wanted);
        if (!done) return done.error();
        total.count += *done;
    }
    return total;
}

// In steps, so that lanes begin while the rest is still being made due.
Result<storage::RetriedDead> retry_in_steps(const Services& services, const RetryOrder& order) {
    if (order.filter.state == CalloutState::kPending) return retry_waiting(services, order);
    const core::StoredTime now = services.clock.stored_now();
    if (order.dry_run) return services.store.retry_dead(order.filter, now, kRetryStep, true);
    std::int64_t wanted = order.limit.value_or(0);
    if (!order.limit) {
        // No more than there are now: others may die while this goes on.
        const auto there = services.store.retry_dead(order.filter, now, kRetryStep, true);
        if (!there) return there;
        wanted = there->count;
    }
    storage::RetriedDead total;
    CalloutFilter rest = order.filter;
    while (total.count < wanted) {
        const auto left = static_cast<std::size_t>(wanted - total.count);
        const auto step = services.store.retry_dead(rest, now, std::min(left, kRetryStep), false);
        if (!step) return step;
        if (!step->last) break;
        total.count += step->count;
        rest.after = total.last = step->last;
        wake_lanes(services);
    }
    return total;
}

Result<ApiResponse> retry_dead(const Call& call) {
    const auto order = read_retry_order(call);
    if (!order) return order.error();
    if (order->filter.notification) {
        const auto known = call.services.store.notification(*order->filter.notification);
        if (!known) return known.error();
    }
    const auto retried = retry_in_steps(call.services, *order);
    if (!retried) return retried.error();
    boost::json::object out{{"retried", retried->count}, {"dry_run", order->dry_run}};
    if (order->limit) {
        out["last"] = nullptr;
        if (retried->last) out["last"] = retried->last->text();
    }
    return json_response(200, out);
}

}  // namespace

std::vector<Route> callout_routes() {
    return {
        {"GET", "/v1/callouts", list},
        {"POST", "/v1/callouts/retry", retry_dead, Audit::kInformation, Work::kLong},
        {"GET", "/v1/callouts/{id}", show},
        {"POST", "/v1/callouts/{id}/retry", retry, Audit::kInformation},
        {"POST", "/v1/callouts/{id}/cancel", cancel, Audit::kInformation},
    };
}

}  // namespace herald::api
