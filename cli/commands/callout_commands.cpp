#include <memory>

#include "cli/commands/all.h"
#include "cli/commands/answers.h"
#include "cli/exit_code.h"
#include "cli/progress_bar.h"
#include "cli/request_body.h"
#include "core/time_text.h"

namespace herald::cli {
namespace {

namespace json = boost::json;

struct ListFlags {
    TextOption state, notification, event, since, limit, cursor;
};

struct RetryFlags {
    std::string id;
    TextOption state, notification, since;
    bool dry_run = false;
};

/// A moment, or a duration before now.
core::Result<std::string> since_text(const std::string& text, core::Clock& clock) {
    if (core::parse_time(text)) return text;
    const auto ago = core::parse_duration(text);
    if (ago) return core::format_time(clock.system_now() - *ago);
    return core::invalid_argument(
        "--since", "must be a time such as 2026-11-21T08:00:00Z, or a duration such as 2h");
}

core::Result<> add_since(const TextOption& since, Context& context,
                         std::map<std::string, std::string>& query) {
    if (!since.given()) return {};
    auto at = since_text(since.value, context.clock());
    if (!at) return at.error();
    query["since"] = *at;
    return {};
}

core::Result<int> list_callouts(const ListFlags& flags, Context& context) {
    auto request = json_request("GET", std::string(kCallouts));
    const std::initializer_list<std::pair<const char*, const TextOption*>> kOptions{
        {"state", &flags.state},
        {"notification", &flags.notification},
        {"event", &flags.event},
        {"limit", &flags.limit},
        {"cursor", &flags.cursor}};
    for (const auto& [name, option] : kOptions) {
        if (option->given()) request.query[name] = option->value;
    }
    if (auto ok = add_since(flags.since, context, request.query); !ok) return ok.error();
    auto answer = context.call(std::move(request));
    if (!answer) return answer.error();
    auto printed = print_list(context, *answer,
                              {{"CALLOUT", "id"},
                               {"NOTIFICATION", "notification"},
                               {"STATE", "state"},
                               {"REASON", "reason"},
                               {"DUE", "due_at"},
                               {"EVENT", "event_id"}},
                              "no callouts");
    if (!printed || context.output().is_json()) return printed;
    auto page = parse_answer(*answer);
    const std::string next = page ? text_at(*page, "next_cursor") : std::string();
    if (!next.empty()) context.output().line("more: --cursor " + next);
    return printed;
}

core::Result<int> show_callout(const std::string& id, Context& context) {
    auto path = item_path(kCallouts, id);
    if (!path) return path.error();
    auto answer = context.call(json_request("GET", std::move(*path)));
    if (!answer) return answer.error();
    if (context.output().is_json()) return print_object(context, *answer);
    auto callout = parse_answer(*answer);
    if (!callout) return callout.error();
    context.output().fields(flattened(callout->as_object(), {"attempts"}));
    const auto& attempts = array_at(*callout, "attempts");
    context.output().line(attempts.empty() ? "\nno attempts yet" : "");
    if (attempts.empty()) return kExitDone;
    context.output().table(table_of(attempts, {{"ATTEMPT", "number"},
                                               {"RESEND", "resend"},
                                               {"STARTED", "started_at"},
                                               {"MS", "duration_ms"},
                                               {"STATUS", "status"},
                                               {"OUTCOME", "outcome"},
                                               {"TOKEN", "token_generation"},
                                               {"ERROR", "error"},
                                               {"RESPONSE", "response_excerpt"}}));
    return kExitDone;
}

core::Result<json::value> post_retry(Context& context, const json::object& order) {
    auto answer = context.call(
        json_request("POST", std::string(kCallouts) + "/retry", json::serialize(order)));
    if (!answer) return answer.error();
    return parse_answer(*answer);
}

/// Step by step, so that it can be watched and interrupted: what is done stays done. Each step goes
/// on behind the one before, so those that die again meanwhile are not taken a second time.
core::Result<std::uint64_t> retry_in_steps(Context& context, json::object order,
                                           std::uint64_t matching) {
    constexpr std::uint64_t kStep = 5'000;
    ProgressBar bar(context.io().err, context.io().err_is_terminal, matching);
    std::uint64_t retried = 0;
    while (retried < matching) {
        order["limit"] = std::min(kStep, matching - retried);
        const auto step = post_retry(context, order);
        if (!step) return step.error();
        const std::uint64_t more = count_at(*step, "retried");
        retried += more;
        bar.update(retried, retried);
        const std::string last = text_at(*step, "last");
        if (last.empty() && more == 0) break;
        if (!last.empty()) order["after"] = last;
    }
    return retried;
}

core::Result<int> retry_many(const RetryFlags& flags, Context& context) {
    json::object order{{"state", flags.state.value}};
    if (flags.notification.given()) order["notification"] = flags.notification.value;
    if (flags.since.given()) {
        auto since = since_text(flags.since.value, context.clock());
        if (!since) return since.error();
        order["since"] = *since;
    }
    json::object counting = order;
    counting["dry_run"] = true;
    const auto counted = post_retry(context, counting);
    if (!counted) return counted.error();
    core::Result<std::uint64_t> count = count_at(*counted, "retried");
    if (!flags.dry_run) count = retry_in_steps(context, std::move(order), *count);
    if (!count) return count.error();
    if (!flags.dry_run && *count > 0) tell_where_nothing_is_sent(context);
    return print_object(
        context, json::serialize(json::object{{"retried", *count}, {"dry_run", flags.dry_run}}));
}

core::Result<int> retry_callouts(const RetryFlags& flags, Context& context) {
    const bool many = flags.state.given();
    if (flags.id.empty() && !many)
        return core::invalid_argument("ID",
                                      "give a callout's id, or --state dead or pending for all of "
                                      "them");
    if (many && !flags.id.empty())
        return core::invalid_argument("--state", "does not go together with an id");
    if (many) return retry_many(flags, context);
    if (flags.notification.given() || flags.since.given() || flags.dry_run) {
        return core::invalid_argument("ID",
                                      "--notification, --since and --dry-run go with --state only");
    }
    auto retried = call_and_print(context, "POST", kCallouts, flags.id, "retry");
    if (retried) tell_where_nothing_is_sent(context);
    return retried;
}

void add_list(CommandTree& tree, Command& group) {
    auto flags = std::make_shared<ListFlags>();
    Command& list =
        tree.command(group, "list", "List callouts, newest first, a page at a time.",
                     "  herald callout list --state dead --notification invoice-posted --since 24h",
                     [flags](Context& context) { return list_callouts(*flags, context); });
    add_text(list, "--state", flags->state,
             "pending, claimed, in_flight, delivered, dead, cancelled", "STATE");
    add_text(list, "--notification", flags->notification, "of this notification", "NAME");
    add_text(list, "--event", flags->event, "of this event", "ID");
    add_text(list, "--since", flags->since, "created since: a time, or a duration before now",
             "TIME");
    add_text(list, "--limit", flags->limit, "how many at most", "N");
    add_text(list, "--cursor", flags->cursor, "where the page before ended", "CURSOR");
}

void add_retry(CommandTree& tree, Command& group) {
    auto flags = std::make_shared<RetryFlags>();
    Command& retry =
        tree.command(group, "retry", "Make a callout due now, or all dead or waiting ones.",
                     "  herald callout retry cal_01JD7Z0000000000000000000\n"
                     "  herald callout retry --state dead --notification invoice-posted --dry-run",
                     [flags](Context& context) { return retry_callouts(*flags, context); });
    retry.add_option("ID", flags->id, "the callout's id").type_name("");
    add_text(retry, "--state", flags->state,
             "dead: all that gave up; pending: all that wait for a later time", "STATE");
    add_text(retry, "--notification", flags->notification, "only of this notification", "NAME");
    add_text(retry, "--since", flags->since,
             "only those created since: a time, or a duration before now", "TIME");
    retry.add_flag("--dry-run", flags->dry_run, "only count them");
}

}  // namespace

void add_callout_commands(CommandTree& tree) {
    Command& group = tree.group("callout", "List, show, retry and cancel callouts.");
    add_list(tree, group);
    auto shown = std::make_shared<std::string>();
    tree.command(group, "show", "Show a callout with every attempt.",
                 "  herald callout show cal_01JD7Z0000000000000000000",
                 [shown](Context& context) { return show_callout(*shown, context); })
        .add_option("ID", *shown, "the callout's id")
        .type_name("")
        .required();
    add_retry(tree, group);
    auto cancelled = std::make_shared<std::string>();
    tree.command(group, "cancel", "Give a callout up that has not been sent.",
                 "  herald callout cancel cal_01JD7Z0000000000000000000",
                 [cancelled](Context& context) {
                     return call_and_print(context, "POST", kCallouts, *cancelled, "cancel");
                 })
        .add_option("ID", *cancelled, "the callout's id")
        .type_name("")
        .required();
}

}  // namespace herald::cli
