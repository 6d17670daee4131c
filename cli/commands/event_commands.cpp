#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "cli/commands/all.h"
#include "cli/commands/answers.h"
#include "cli/commands/event_data.h"
#include "cli/commands/event_import.h"
#include "cli/commands/event_wait.h"
#include "cli/exit_code.h"
#include "cli/request_body.h"
#include "core/json.h"
#include "core/time_text.h"

namespace herald::cli {
namespace {

namespace json = boost::json;

struct FireFlags {
    std::string type;
    TextOption data;
    TextOption key;
    TextOption wait;
};

core::Result<std::string> fire_body(const FireFlags& flags, Context& context) {
    RequestBody body;
    body.add("type", json::value(flags.type));
    if (flags.key.given()) body.add("key", json::value(flags.key.value));
    if (!flags.data.given()) return body.text();
    auto data = read_data(context, flags.data.value);
    if (!data) return data.error();
    body.add_raw("data", *data);
    return body.text();
}

/// `--wait` takes a time or nothing: the word behind it may be TYPE.
core::Result<std::optional<std::chrono::milliseconds>> read_wait(FireFlags& flags) {
    std::optional<std::chrono::milliseconds> patience;
    if (flags.wait.given() && !flags.wait.value.empty()) {
        const auto time = core::parse_duration(flags.wait.value);
        if (time) patience = *time;
        if (!time && !flags.type.empty()) {
            return core::invalid_argument("--wait", "a time such as 30s, or nothing");
        }
        if (!time) flags.type = flags.wait.value;
    }
    if (flags.type.empty()) return core::invalid_argument("TYPE", "is required");
    return patience;
}

std::string fired_line(const json::value& fired) {
    const bool again = text_at(fired, "duplicate") == "yes";
    return text_at(fired, "id") + (again ? "  (known already: the first event with this key)" : "");
}

void print_callouts(Output& output, const json::value& fired) {
    const auto& callouts = array_at(fired, "callouts");
    if (callouts.empty()) {
        output.line("no callouts; 'herald event show' says why");
        return;
    }
    std::vector<Column> columns{{"CALLOUT", "id"}, {"NOTIFICATION", "notification"}};
    if (callouts.front().as_object().contains("state")) {
        columns.push_back({"STATE", "state"});
        columns.push_back({"REASON", "reason"});
    }
    output.table(table_of(callouts, columns));
}

core::Error wait_needs_daemon() {
    return {.kind = core::ErrorKind::kStorage,
            .code = "daemon_not_running",
            .message =
                "--wait: nothing is dispatched without a daemon, so nothing was fired; start "
                "'herald serve'"};
}

core::Result<int> fire_event(FireFlags& flags, Context& context) {
    const auto patience = read_wait(flags);
    if (!patience) return patience.error();
    auto body = fire_body(flags, context);
    if (!body) return body.error();
    const bool waits = flags.wait.given();
    if (waits) {
        auto client = context.client();
        if (!client) return client.error();
        if (!(*client)->is_daemon()) return wait_needs_daemon();
    }
    auto answer = context.call(json_request("POST", "/v1/events", std::move(*body)));
    if (!answer) return answer.error();
    auto fired = parse_answer(*answer);
    if (!fired) return fired.error();
    Output& output = context.output();
    if (waits || !output.is_json()) output.progress(fired_line(*fired));
    if (waits) {
        auto waited = wait_until_finished(context, *fired, *patience);
        if (!waited) return waited.error();
        *fired = std::move(*waited);
        *answer = json::serialize(*fired);
    }
    if (output.is_json()) {
        output.document(*answer);
    } else {
        print_callouts(output, *fired);
    }
    if (!array_at(*fired, "callouts").empty()) tell_where_nothing_is_sent(context);
    return kExitDone;
}

core::Result<int> print_summary(const ImportSummary& summary, Context& context) {
    if (context.output().is_json()) {
        json::object document;
        document["accepted"] = summary.accepted;
        document["duplicates"] = summary.duplicates;
        document["rejected"] = summary.rejected;
        context.output().document(json::serialize(document));
    } else {
        context.output().line(std::to_string(summary.accepted) + " accepted, " +
                              std::to_string(summary.duplicates) + " known already, " +
                              std::to_string(summary.rejected.size()) + " rejected");
        if (!summary.rejected.empty()) {
            context.output().table(
                table_of(summary.rejected, {{"LINE", "line"}, {"ERROR", "error"}}));
        }
    }
    if (summary.accepted > 0) tell_where_nothing_is_sent(context);
    return summary.rejected.empty() ? kExitDone : kExitFailed;
}

struct ImportFlags {
    std::string source;
    std::uint64_t resume = 1;
    TextOption key_from;
};

/// The name without its folder: the same file elsewhere has the same keys.
core::Result<std::optional<std::string>> key_prefix(const ImportFlags& flags) {
    constexpr std::size_t kLongestName = 230;  // a key has 255 bytes, the line's number among them
    if (!flags.key_from.given()) return std::optional<std::string>();
    if (flags.key_from.value != "line")
        return core::invalid_argument("--key-from", "\"line\" is the only way there is");
    if (flags.source == "-") {
        return core::invalid_argument(
            "--key-from",
            "keys are made of the file's name and the line; standard input has no "
            "name, so give a FILE");
    }
    std::string name = std::filesystem::path(flags.source).filename().string();
    if (name.size() > kLongestName)
        return core::invalid_argument("--key-from", "the file's name has more than 230 bytes");
    return std::optional(std::move(name));
}

core::Result<int> import_from(std::istream& input, ImportOptions options, Context& context) {
    EventImport import(context, std::move(options));
    auto summary = import.run(input);
    if (!summary) return summary.error();
    return print_summary(*summary, context);
}

core::Result<int> import_events(const ImportFlags& flags, Context& context) {
    const std::string& source = flags.source;
    auto prefix = key_prefix(flags);
    if (!prefix) return prefix.error();
    ImportOptions options{.first_line = flags.resume, .key_prefix = std::move(*prefix)};
    if (source == "-") return import_from(std::cin, std::move(options), context);
    std::error_code unknown_size;
    if (std::filesystem::is_directory(source, unknown_size))
        return core::invalid_argument("FILE", "'" + source + "' is a directory");
    std::ifstream file(source, std::ios::binary);
    if (!file) return core::invalid_argument("FILE", "cannot open '" + source + "'");
    if (std::filesystem::is_regular_file(source, unknown_size))
        options.total_bytes = std::filesystem::file_size(source, unknown_size);
    return import_from(file, std::move(options), context);
}

/// `data` from the source text: a parsed number would lose digits.
std::string data_text(std::string_view body) {
    const auto data = core::raw_at(body, {"data"});
    return data ? std::string(*data) : std::string();
}

core::Result<int> show_event(const std::string& id, Context& context) {
    auto path = item_path("/v1/events", id);
    if (!path) return path.error();
    auto answer = context.call(json_request("GET", std::move(*path)));
    if (!answer) return answer.error();
    if (context.output().is_json()) return print_object(context, *answer);
    auto event = parse_answer(*answer);
    if (!event) return event.error();
    auto fields = flattened(event->as_object(), {"data", "callouts", "unmatched"});
    fields.emplace_back("data", data_text(*answer));
    context.output().fields(fields);
    const auto& callouts = array_at(*event, "callouts");
    context.output().line(callouts.empty() ? "\nno callouts" : "");
    if (!callouts.empty()) {
        context.output().table(table_of(callouts, {{"CALLOUT", "id"},
                                                   {"NOTIFICATION", "notification"},
                                                   {"STATE", "state"},
                                                   {"REASON", "reason"}}));
    }
    const auto& unmatched = array_at(*event, "unmatched");
    if (!unmatched.empty()) {
        context.output().line("");
        context.output().table(
            table_of(unmatched, {{"NOT MATCHED", "notification"}, {"WHY", "why"}}));
    }
    return kExitDone;
}

void add_fire(CommandTree& tree, Command& group) {
    auto flags = std::make_shared<FireFlags>();
    Command& fire =
        tree.command(group, "fire", "Store one event; returns once it is durable.",
                     "  herald event fire invoice.posted --data '{\"id\": 7}' --key invoice-7\n"
                     "  herald event fire invoice.posted --data @invoice.json --wait 30s",
                     [flags](Context& context) { return fire_event(*flags, context); });
    fire.add_option("TYPE", flags->type, "dot-separated words, such as invoice.posted")
        .type_name("");
    add_text(fire, "--data", flags->data, "JSON, @FILE, or - for standard input", "JSON");
    add_text(fire, "--key", flags->key, "idempotency key: the same key again gives the first event",
             "KEY");
    add_text(fire, "--wait", flags->wait,
             "tell each attempt until its callouts are finished, or for that long; needs a daemon",
             "[TIME]")
        .value_may_be_missing();
}

void add_import(CommandTree& tree, Command& group) {
    auto flags = std::make_shared<ImportFlags>();
    Command& import =
        tree.command(group, "import", "Store many events; bad lines are reported, good ones kept.",
                     "  herald event import events.ndjson --key-from line\n"
                     "  herald event import events.ndjson --resume 12001",
                     [flags](Context& context) { return import_events(*flags, context); });
    import
        .add_option("FILE", flags->source,
                    "one {\"type\",\"data\",\"key\"?} a line; - for standard input")
        .type_name("")
        .required();
    import
        .add_option("--resume", flags->resume,
                    "go on with this line, as an import said that ended early")
        .type_name("LINE");
    add_text(import, "--key-from", flags->key_from,
             "line: an idempotency key from file name and line where a line has none", "line");
}

}  // namespace

void add_event_commands(CommandTree& tree) {
    Command& group = tree.group("event", "Fire, import and show events.");
    add_fire(tree, group);
    add_import(tree, group);
    auto id = std::make_shared<std::string>();
    Command& show = tree.command(
        group, "show", "Show an event, its callouts, and why other notifications did not match.",
        "  herald event show evt_01JD7Z0000000000000000000",
        [id](Context& context) { return show_event(*id, context); });
    show.add_option("ID", *id, "the event's id").type_name("").required();
}

}  // namespace herald::cli
