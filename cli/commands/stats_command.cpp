#include "cli/commands/all.h"
#include "cli/commands/answers.h"
#include "cli/exit_code.h"

namespace herald::cli {
namespace {

core::Result<int> print_stats(Context& context) {
    auto answer = context.call(json_request("GET", "/v1/stats"));
    if (!answer) return answer.error();
    if (context.output().is_json()) return print_object(context, *answer);
    auto stats = parse_answer(*answer);
    if (!stats) return stats.error();
    if (!stats->is_object()) return kExitDone;
    context.output().fields(flattened(stats->get_object(), {"notifications", "providers"}));
    const auto notifications =
        table_of(array_at(*stats, "notifications"), {{"NOTIFICATION", "name"},
                                                     {"STATE", "state"},
                                                     {"PENDING", "pending"},
                                                     {"CLAIMED", "claimed"},
                                                     {"IN FLIGHT", "in_flight"},
                                                     {"DELIVERED", "delivered"},
                                                     {"DEAD", "dead"},
                                                     {"BREAKER", "breaker"}});
    const auto providers =
        table_of(array_at(*stats, "providers"),
                 {{"PROVIDER", "name"}, {"STATE", "state"}, {"TOKEN REQUESTS", "token_requests"}});
    for (const auto* table : {&notifications, &providers}) {
        if (table->empty()) continue;
        context.output().line("");
        context.output().table(*table);
    }
    return kExitDone;
}

}  // namespace

void add_stats_command(CommandTree& tree) {
    tree.command(tree.root(), "stats", "Show counts by state, lanes and providers.",
                 "  herald stats --json", print_stats);
}

}  // namespace herald::cli
