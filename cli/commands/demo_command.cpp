#include "cli/commands/all.h"
#include "cli/demo/demo.h"

namespace herald::cli {

void add_demo_command(CommandTree& tree) {
    tree.standalone(
        tree.root(), "demo",
        "Show the main job on loopback: token, callouts, a retry, a revocation; cleans up.",
        "  herald demo", [](Context& context) { return run_demo(context); });
}

}  // namespace herald::cli
