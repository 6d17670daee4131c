#include <memory>

#include "cli/commands/all.h"
#include "cli/commands/answers.h"
#include "cli/commands/event_data.h"
#include "cli/commands/notification_flags.h"
#include "cli/exit_code.h"

namespace herald::cli {
namespace {

struct NotificationOptions {
    std::string name;
    NotificationFlags flags;
    TextOption data;
    TextOption type;
    bool cancel_pending = false;
};

void add_notification_name(Command& app, NotificationOptions& named) {
    app.add_option("NAME", named.name, "the notification's name").type_name("").required();
}

core::Result<int> add_notification(const NotificationOptions& named, Context& context) {
    RequestBody body;
    body.add("name", boost::json::value(named.name));
    if (auto written = write_notification(named.flags, context, body); !written)
        return written.error();
    auto answer = context.call(json_request("POST", std::string(kNotifications), body.text()),
                               DatabaseUse::kMayCreate);
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<int> edit_notification(const NotificationOptions& named, Context& context) {
    RequestBody body;
    if (auto written = write_notification(named.flags, context, body); !written)
        return written.error();
    if (body.empty()) return core::invalid_argument("options", "nothing to change was given");
    auto path = item_path(kNotifications, named.name);
    if (!path) return path.error();
    auto answer = context.call(json_request("PATCH", std::move(*path), body.text()));
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<int> delete_notification(const NotificationOptions& named, Context& context) {
    auto path = item_path(kNotifications, named.name);
    if (!path) return path.error();
    auto request = json_request("DELETE", std::move(*path));
    if (named.cancel_pending) request.query["cancel_pending"] = "true";
    auto answer = context.call(std::move(request));
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<std::string> try_out(const NotificationOptions& named, std::string_view action,
                                  Context& context) {
    RequestBody body;
    if (named.type.given()) body.add("type", boost::json::value(named.type.value));
    if (named.data.given()) {
        auto data = read_data(context, named.data.value);
        if (!data) return data.error();
        body.add_raw("data", *data);
    }
    auto path = item_path(kNotifications, named.name, action);
    if (!path) return path.error();
    return context.call(json_request("POST", std::move(*path), body.text()));
}

void print_request(Output& output, const boost::json::value& preview) {
    output.line(text_at(preview, "method") + " " + text_at(preview, "url"));
    const auto* const headers = preview.as_object().if_contains("headers");
    if (headers != nullptr && headers->is_object()) {
        for (const auto& header : headers->get_object()) {
            output.line(std::string(header.key()) + ": " + text_of(header.value()));
        }
    }
    output.line("");
    output.line(text_at(preview, "body"));
    for (const auto& warning : array_at(preview, "warnings")) output.warning(text_of(warning));
}

core::Result<int> preview_notification(const NotificationOptions& named, Context& context) {
    auto answer = try_out(named, "preview", context);
    if (!answer) return answer.error();
    if (context.output().is_json()) return print_object(context, *answer);
    auto preview = parse_answer(*answer);
    if (!preview) return preview.error();
    if (preview->is_object()) print_request(context.output(), *preview);
    return kExitDone;
}

core::Result<int> test_notification(const NotificationOptions& named, Context& context) {
    auto answer = try_out(named, "test", context);
    if (!answer) return answer.error();
    auto attempt = parse_answer(*answer);
    if (!attempt) return attempt.error();
    auto printed = print_object(context, *answer);
    if (!printed) return printed;
    return text_at(*attempt, "outcome") == "delivered" ? kExitDone : kExitFailed;
}

core::Result<int> list_notifications(Context& context) {
    auto answer = context.call(json_request("GET", std::string(kNotifications)));
    if (!answer) return answer.error();
    return print_list(context, *answer,
                      {{"NAME", "name"},
                       {"ENABLED", "enabled"},
                       {"PAUSED", "paused"},
                       {"EVENTS", "events"},
                       {"METHOD", "method"},
                       {"URL", "url"},
                       {"AUTH", "auth.kind"},
                       {"PROVIDER", "auth.provider"}},
                      "no notifications; 'herald notification add' makes one");
}

void add_notification_writing(CommandTree& tree, Command& group) {
    auto added = std::make_shared<NotificationOptions>();
    Command& add =
        tree.command(group, "add", "Add a notification: which events cause which callout.",
                     "  herald notification add invoice-posted --event 'invoice.*' \\\n"
                     "      --url https://receiver.example.com/hook --auth oauth2 --provider crm",
                     [added](Context& context) { return add_notification(*added, context); });
    add_notification_name(add, *added);
    added->flags.add_to(add);

    auto edited = std::make_shared<NotificationOptions>();
    Command& edit =
        tree.command(group, "edit", "Change what is given and keep the rest.",
                     "  herald notification edit invoice-posted --timeout 10s --rate 50/s",
                     [edited](Context& context) { return edit_notification(*edited, context); });
    add_notification_name(edit, *edited);
    edited->flags.add_to(edit);

    auto deleted = std::make_shared<NotificationOptions>();
    Command& removal = tree.command(
        group, "delete", "Delete a notification without unfinished callouts.",
        "  herald notification delete invoice-posted --cancel-pending",
        [deleted](Context& context) { return delete_notification(*deleted, context); });
    add_notification_name(removal, *deleted);
    removal.add_flag("--cancel-pending", deleted->cancel_pending,
                     "cancel what has not been sent; the history stays");
}

void add_trial(CommandTree& tree, Command& group, const std::string& verb,
               const std::string& description,
               const std::function<core::Result<int>(const NotificationOptions&, Context&)>& run) {
    auto named = std::make_shared<NotificationOptions>();
    Command& app =
        tree.command(group, verb, description,
                     "  herald notification " + verb + " invoice-posted --data '{\"id\": 7}'",
                     [named, run](Context& context) { return run(*named, context); });
    add_notification_name(app, *named);
    add_text(app, "--data", named->data, "the event's data: JSON, @FILE, or - for standard input",
             "JSON");
    add_text(app, "--type", named->type,
             "the event's type; else one that the first pattern matches", "TYPE");
}

void add_notification_action(CommandTree& tree, Command& group, const std::string& verb,
                             const std::string& description, const std::string& method,
                             const std::string& action) {
    auto named = std::make_shared<NotificationOptions>();
    Command& app = tree.command(
        group, verb, description, "  herald notification " + verb + " invoice-posted",
        [named, method, action](Context& context) {
            return call_and_print(context, method, kNotifications, named->name, action);
        });
    add_notification_name(app, *named);
}

}  // namespace

void add_notification_commands(CommandTree& tree) {
    Command& group =
        tree.group("notification", "Manage notifications: which events cause which callouts.");
    add_notification_writing(tree, group);
    tree.command(group, "list", "List all notifications.", "  herald notification list",
                 list_notifications);
    add_notification_action(tree, group, "show", "Show one notification, without its secrets.",
                            "GET", "");
    add_notification_action(tree, group, "enable", "Let new events cause callouts again.", "POST",
                            "enable");
    add_notification_action(tree, group, "disable", "Cause no callouts for new events.", "POST",
                            "disable");
    add_notification_action(tree, group, "pause", "Hold callouts until 'resume'; none is lost.",
                            "POST", "pause");
    add_notification_action(tree, group, "resume", "Let held callouts go on.", "POST", "resume");
    add_notification_action(
        tree, group, "probe",
        "Try the receiver now: one waiting callout goes, an open breaker lets it through.", "POST",
        "probe");
    add_trial(tree, group, "preview", "Show the exact request that would be sent; sends nothing.",
              preview_notification);
    add_trial(tree, group, "test",
              "Send one callout now and show the attempt; exit 0 if it was delivered.",
              test_notification);
}

}  // namespace herald::cli
