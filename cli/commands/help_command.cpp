#include <memory>

#include "cli/commands/all.h"
#include "cli/exit_code.h"
#include "cli/suggestion.h"

namespace herald::cli {
namespace {

core::Error unknown(const std::string& word, const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(each->get_name());
    core::Error error = core::invalid_argument("COMMAND", "unknown command '" + word + "'");
    if (const auto near = nearest(word, names)) error.message += "; did you mean '" + *near + "'?";
    return error;
}

core::Result<int> print_help(const CLI::App& root, const std::vector<std::string>& words,
                             Context& context) {
    const CLI::App* app = &root;
    std::string before;
    for (const auto& word : words) {
        const auto found =
            app->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
        if (found.empty()) return unknown(word, *app);
        before.append(before.empty() ? "" : " ").append(app->get_name());
        app = found.front();
    }
    // The root has `help` as its chosen command and would describe that one.
    context.io().out << (words.empty() ? root.get_formatter()->make_help(&root, "herald",
                                                                         CLI::AppFormatMode::Normal)
                                       : app->help(before));
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
        ->type_name("");
}

}  // namespace herald::cli
