#include <algorithm>
#include <boost/json/serialize.hpp>
#include <iterator>
#include <memory>

#include "cli/commands/all.h"
#include "cli/commands/answers.h"
#include "cli/doctor_checks.h"
#include "cli/exit_code.h"

namespace herald::cli {
namespace {

namespace json = boost::json;

/// Opening the database checks its schema, its pragmas and that the key ring belongs to it; a
/// daemon has done so.
Check check_database(Context& context) {
    auto client = context.client();
    if (!client) return {"database", false, client.error().message};
    const auto stats = context.call(json_request("GET", "/v1/stats"));
    if (!stats) return {"database", false, stats.error().message};
    const bool daemon = (*client)->is_daemon();
    return {"database", true,
            daemon ? "a daemon serves it; schema, pragmas and key were right when it started"
                   : "opened; schema, pragmas and key are right, no daemon is running"};
}

void add(std::vector<Check>& checks, std::vector<Check> more) {
    std::ranges::move(more, std::back_inserter(checks));
}

/// Empty, and told, where it cannot be read.
json::array listed(Context& context, const std::string& collection, std::vector<Check>& checks) {
    const auto body = context.call(json_request("GET", collection));
    auto parsed = body ? parse_answer(*body) : core::Result<json::value>(body.error());
    if (parsed && parsed->is_array()) return std::move(parsed->get_array());
    checks.push_back({collection, false, parsed ? "no list" : parsed.error().message});
    return {};
}

Check check_contents(Context& context, bool fix) {
    const std::string name = "database contents";
    const auto body = context.call(
        json_request("POST", fix ? "/v1/database/rebuild-indexes" : "/v1/database/check", "{}"));
    // Not looked at is not damaged; that nothing was mended is told as a failure.
    if (!body) return {name, !fix && body.error().code == "already_running", body.error().message};
    const auto answer = parse_answer(*body);
    if (!answer) return {name, false, answer.error().message};
    const json::array& problems = answer->at("problems").as_array();
    if (problems.empty())
        return {name, true, fix ? "every index made anew, no damage" : "no damage"};
    std::string detail = std::string(problems.front().as_string());
    if (problems.size() > 1) detail += " (and " + std::to_string(problems.size() - 1) + " more)";
    detail += fix ? "; restore a backup, or save what is left with sqlite3 .recover"
                  : "; stop the daemon and run 'herald doctor --fix', which makes the indexes anew";
    return {name, false, std::move(detail)};
}

std::vector<Check> all_checks(Context& context, bool fix) {
    std::vector<Check> checks = check_files(context.settings());
    checks.push_back(check_key_ring(context.settings()));
    checks.push_back(check_clock(context.clock().system_now()));
    checks.push_back(check_trust_store(context.io().environment));
    checks.push_back(check_history(context.settings()));
    checks.push_back(check_database(context));
    if (!checks.back().ok) return checks;
    checks.push_back(check_contents(context, fix));
    const json::array notifications = listed(context, std::string(kNotifications), checks);
    add(checks, check_secrets("notification", notifications));
    const json::array providers = listed(context, std::string(kProviders), checks);
    add(checks, check_secrets("provider", providers));
    checks.push_back(check_egress(context.settings(), providers, notifications));
    add(checks, check_named_files(providers));
    add(checks, check_endpoints(context.settings(), providers, context.clock()));
    return checks;
}

void print_document(const std::vector<Check>& checks, bool ok, Output& output) {
    json::array list;
    for (const auto& check : checks) {
        list.push_back(
            json::object{{"check", check.name}, {"ok", check.ok}, {"detail", check.detail}});
    }
    json::object document;
    document["ok"] = ok;
    document["checks"] = std::move(list);
    output.document(json::serialize(document));
}

core::Result<int> examine(Context& context, bool fix) {
    const auto checks = all_checks(context, fix);
    const bool ok =
        std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.ok; });
    if (context.output().is_json()) {
        print_document(checks, ok, context.output());
    } else {
        Table table({"CHECK", "RESULT", "DETAIL"});
        for (const auto& check : checks)
            table.add({check.name, check.ok ? "ok" : "failed", check.detail});
        context.output().table(table);
    }
    return ok ? kExitDone : kExitFailed;
}

}  // namespace

void add_doctor_command(CommandTree& tree) {
    auto fix = std::make_shared<bool>(false);
    tree.command(tree.root(), "doctor",
                 "Check files and their owners, key, schema, contents, clock, egress, trusted "
                 "certificates and each provider's endpoints.",
                 "  herald doctor\n  herald doctor --fix\n  One line a check; exit 1 if any fails.",
                 [fix](Context& context) { return examine(context, *fix); })
        .add_flag("--fix", *fix, "make every index of the database anew from its rows");
}

}  // namespace herald::cli
