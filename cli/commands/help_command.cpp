#include <algorithm>
#include <memory>

#include "cli/commands/all.h"
#include "cli/exit_code.h"
#include "cli/suggestion.h"

namespace herald::cli {
namespace {

core::Error unknown(const std::string& word, const Command& command) {
    std::vector<std::string> names;
    for (const Command* each : command.commands()) names.push_back(each->name());
    core::Error error = core::invalid_argument("COMMAND", "unknown command '" + word + "'");
    if (const auto near = nearest(word, names)) error.message += "; did you mean '" + *near + "'?";
    return error;
}

core::Result<int> print_help(const Command& root, const std::vector<std::string>& words,
                             Context& context) {
    const Command* command = &root;
    for (const auto& word : words) {
        const auto inner = command->commands();
        const auto found = std::find_if(inner.begin(), inner.end(),
                                        [&](const Command* each) { return each->name() == word; });
        if (found == inner.end()) return unknown(word, *command);
        command = *found;
    }
    context.io().out << command->help();
    return kExitDone;
}

}  // namespace

void add_help_command(CommandTree& tree) {
    auto words = std::make_shared<std::vector<std::string>>();
    tree.standalone(
            tree.root(), "help", "Describe the program or one command.",
            "  herald help provider add",
            [words, &tree](Context& context) { return print_help(tree.root(), *words, context); })
        .add_option("COMMAND", *words, "the command to describe")
        .type_name("");
}

}  // namespace herald::cli
