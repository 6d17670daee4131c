#include "cli/command_tree.h"

#include "herald_version.h"

namespace herald::cli {

CommandTree::CommandTree()
    : app_("Delivers events as authenticated HTTP callouts, with retries and history.", "herald") {
    app_.set_version_flag("--version", std::string("herald ") + HERALD_VERSION,
                          "print the version");
    app_.set_help_flag("-h,--help", "print this help");
    app_.fallthrough();
    app_.require_subcommand(1);
    app_.get_formatter()->column_width(34);
    app_.add_option_function<std::string>(
            "--db", [this](const std::string& file) { flags_["db"] = file; },
            "database file (HERALD_DB, else ./herald.db)")
        ->type_name("FILE")
        ->group("Common options");
    app_.add_flag("--json", json_, "print one JSON document")->group("Common options");
    app_.footer(
        "Both common options may stand before or after the command. 'herald help COMMAND' says "
        "more.\n"
        "Settings: HERALD_DB, HERALD_KEY_FILE, HERALD_EGRESS_ALLOW, HERALD_CONFIG, HERALD_LOG,\n"
        "HERALD_HISTORY_MAX_AGE, HERALD_HISTORY_MAX_SIZE.");
}

CLI::App& CommandTree::group(const std::string& name, const std::string& description) {
    CLI::App* const app = app_.add_subcommand(name, description);
    app->require_subcommand(1);
    return *app;
}

CLI::App& CommandTree::command(CLI::App& parent, const std::string& name,
                               const std::string& description, const std::string& examples,
                               Command run) {
    return add(parent, name, description, examples, std::move(run), false);
}

CLI::App& CommandTree::standalone(CLI::App& parent, const std::string& name,
                                  const std::string& description, const std::string& examples,
                                  Command run) {
    return add(parent, name, description, examples, std::move(run), true);
}

CLI::App& CommandTree::add(CLI::App& parent, const std::string& name,
                           const std::string& description, const std::string& examples, Command run,
                           bool standalone) {
    CLI::App* const app = parent.add_subcommand(name, description);
    if (!examples.empty()) app->footer("Example:\n" + examples);
    app->callback([this, run = std::move(run), standalone] {
        chosen_ = run;
        chosen_is_standalone_ = standalone;
    });
    return *app;
}

CLI::Option* add_text(CLI::App& app, const std::string& name, TextOption& into,
                      const std::string& description, const std::string& type_name) {
    CLI::Option* const option = app.add_option(name, into.value, description)->type_name(type_name);
    into.option = option;
    return option;
}

CLI::Option* add_texts(CLI::App& app, const std::string& name, TextsOption& into,
                       const std::string& description, const std::string& type_name) {
    CLI::Option* const option = app.add_option(name, into.values, description)
                                    ->type_name(type_name)
                                    ->allow_extra_args(false);
    into.option = option;
    return option;
}

}  // namespace herald::cli
