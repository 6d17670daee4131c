#include <algorithm>
#include <boost/json/serialize.hpp>

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

std::vector<Check> all_checks(Context& context) {
    std::vector<Check> checks = check_files(context.settings());
    checks.push_back(check_key_ring(context.settings()));
    checks.push_back(check_clock(context.clock().system_now()));
    checks.push_back(check_egress(context.settings()));
    checks.push_back(check_history(context.settings()));
    checks.push_back(check_database(context));
    if (!checks.back().ok) return checks;
    const auto body = context.call(json_request("GET", "/v1/providers"));
    if (!body) {
        checks.push_back({"providers", false, body.error().message});
        return checks;
    }
    const auto providers = parse_answer(*body);
    if (!providers || !providers->is_array()) return checks;
    for (auto& check :
         check_endpoints(context.settings(), providers->get_array(), context.clock())) {
        checks.push_back(std::move(check));
    }
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

core::Result<int> examine(Context& context) {
    const auto checks = all_checks(context);
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
    tree.command(tree.root(), "doctor",
                 "Check files, key, schema, clock, egress and each provider's endpoints.",
                 "  herald doctor\n  One line a check; exit 1 if any fails.", examine);
}

}  // namespace herald::cli
