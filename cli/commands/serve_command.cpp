#include <memory>

#include "cli/commands/all.h"
#include "cli/daemon.h"

namespace herald::cli {

void add_serve_command(CommandTree& tree) {
    auto options = std::make_shared<DaemonOptions>();
    Command& serve = tree.command(
        tree.root(), "serve", "Own the database, dispatch callouts and serve the API.",
        "  herald --db /var/lib/herald/herald.db serve --listen 127.0.0.1:9100\n"
        "  SIGTERM stops it gracefully, SIGHUP reads the configuration file again.",
        [options](Context& context) { return serve_until_stopped(context, *options); });
    const auto setting = [&tree](const std::string& key) {
        return [&tree, key](const std::string& value) { tree.flags()[key] = value; };
    };
    serve.add_option("--listen", setting("listen"), "health and metrics over TCP")
        .type_name("ADDR:PORT");
    serve.add_option("--workers", setting("workers"), "worker threads; one a core by default")
        .type_name("N");
    serve
        .add_option("--history-max-age", setting("history_max_age"),
                    "remove finished events older than this; 30d by default, or none")
        .type_name("TIME");
    serve
        .add_option("--history-max-size", setting("history_max_size"),
                    "remove the oldest finished events above this; 10GB by default, or none")
        .type_name("SIZE");
    serve.add_flag("--drain", options->drain,
                   "exit once nothing is in flight and nothing can be sent now");
}

}  // namespace herald::cli
