#include "cli/program.h"

#include <algorithm>

#include "cli/commands/all.h"
#include "cli/exit_code.h"
#include "cli/usage_error.h"

namespace herald::cli {
namespace {

bool wants_json(const std::vector<std::string>& arguments) {
    return std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
}

bool wants_colour(const ProgramIo& io) {
    const auto no_colour = io.environment("NO_COLOR");
    return io.out_is_terminal && (!no_colour || no_colour->empty());
}

int fail(Output& output, const core::Error& error) {
    output.error(error);
    return exit_code(error);
}

int run_command(CommandTree& tree, ProgramIo& io, Output& output) {
    Settings settings;
    if (!tree.chosen_is_standalone()) {
        auto loaded = load_settings(tree.flags(), io.environment);
        if (!loaded) return fail(output, loaded.error());
        settings = std::move(*loaded);
        for (const auto& warning : settings.warnings) output.warning(warning);
    }
    Context context(io, output, std::move(settings), tree.flags());
    const auto result = tree.chosen()(context);
    return result ? *result : fail(output, result.error());
}

int parse_and_run(const std::vector<std::string>& arguments, ProgramIo& io, Output& output) {
    if (const auto secret = secret_on_command_line(arguments)) return fail(output, *secret);
    CommandTree tree;
    add_all_commands(tree);
    const auto told = tree.parse(arguments);
    if (!told) return fail(output, told.error());
    if (*told) {
        output.line(**told);
        return kExitDone;
    }
    return run_command(tree, io, output);
}

}  // namespace

void add_all_commands(CommandTree& tree) {
    add_provider_commands(tree);
    add_token_commands(tree);
    add_notification_commands(tree);
    add_event_commands(tree);
    add_callout_commands(tree);
    add_stats_command(tree);
    add_serve_command(tree);
    add_key_commands(tree);
    add_backup_command(tree);
    add_doctor_command(tree);
    add_demo_command(tree);
    add_completion_commands(tree);
    add_help_command(tree);
}

int run_program(const std::vector<std::string>& arguments, ProgramIo& io) {
    Output output(io.out, io.err, {.json = wants_json(arguments), .colour = wants_colour(io)});
    try {
        return parse_and_run(arguments, io, output);
    } catch (const std::exception& failure) {
        core::Error error{
            .kind = core::ErrorKind::kStorage, .code = "internal_error", .message = {}};
        error.message = std::string("an error that should not happen: ") + failure.what();
        return fail(output, error);
    }
}

}  // namespace herald::cli
