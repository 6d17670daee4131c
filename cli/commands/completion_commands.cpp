#include "cli/bash_completion.h"
#include "cli/commands/all.h"
#include "cli/exit_code.h"

namespace herald::cli {

void add_completion_commands(CommandTree& tree) {
    Command& group = tree.group("completion", "Print completion scripts for shells.");
    tree.standalone(group, "bash", "Print the completion script for bash.",
                    "  source <(herald completion bash)",
                    [&tree](Context& context) -> core::Result<int> {
                        context.io().out << bash_completion(tree.root());
                        return kExitDone;
                    });
}

}  // namespace herald::cli
