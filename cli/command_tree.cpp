#include "cli/command_tree.h"

#include <CLI/CLI.hpp>

#include "cli/usage_error.h"
#include "core/encoding.h"
#include "herald_version.h"

namespace herald::cli {

Option& Option::type_name(const std::string& name) {
    option_->type_name(name);
    return *this;
}

Option& Option::required() {
    option_->required();
    return *this;
}

Option& Option::group(const std::string& heading) {
    option_->group(heading);
    return *this;
}

Option& Option::value_may_be_missing() {
    option_->expected(0, 1);
    return *this;
}

Option& Option::one_at_a_time() {
    option_->allow_extra_args(false);
    return *this;
}

bool Option::given() const {
    return option_ != nullptr && option_->count() > 0;
}

Option Command::add_option(const std::string& name, std::string& into,
                           const std::string& description) {
    return Option(app_.add_option(name, into, description));
}

Option Command::add_option(const std::string& name, std::uint64_t& into,
                           const std::string& description) {
    return Option(app_.add_option(name, into, description)->check(CLI::PositiveNumber));
}

Option Command::add_option(const std::string& name, std::vector<std::string>& into,
                           const std::string& description) {
    return Option(app_.add_option(name, into, description));
}

Option Command::add_option(const std::string& name, std::function<void(const std::string&)> take,
                           const std::string& description) {
    return Option(app_.add_option_function<std::string>(name, std::move(take), description));
}

Option Command::add_flag(const std::string& name, bool& into, const std::string& description) {
    return Option(app_.add_flag(name, into, description));
}

Command& Command::add_command(const std::string& name, const std::string& description) {
    CLI::App* const app = app_.add_subcommand(name, description);
    return *commands_.emplace_back(std::make_unique<Command>(*app, this));
}

std::string Command::name() const {
    return app_.get_name();
}

std::string Command::description() const {
    return app_.get_description();
}

std::vector<const Command*> Command::commands() const {
    std::vector<const Command*> all;
    for (const auto& command : commands_) all.push_back(command.get());
    return all;
}

std::vector<std::string> Command::option_names() const {
    std::vector<std::string> names;
    for (const CLI::Option* option : std::as_const(app_).get_options()) {
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

bool Command::needs_command() const {
    return app_.get_require_subcommand_min() > 0;
}

std::string Command::help() const {
    // App::help would describe the command that was chosen, which is `help`.
    if (parent_ == nullptr)
        return app_.get_formatter()->make_help(&app_, name(), CLI::AppFormatMode::Normal);
    std::string before;
    for (const Command* each = parent_; each != nullptr; each = each->parent_)
        before = each->name() + (before.empty() ? "" : " ") + before;
    return app_.help(before);
}

const Command& Command::chosen() const {
    for (const auto& command : commands_) {
        if (command->app_.parsed()) return command->chosen();
    }
    return *this;
}

CommandTree::CommandTree()
    : app_(std::make_unique<CLI::App>(
          "Delivers events as authenticated HTTP callouts, with retries and history.", "herald")),
      root_(std::make_unique<Command>(*app_, nullptr)) {
    app_->set_version_flag("--version", std::string("herald ") + HERALD_VERSION,
                           "print the version");
    app_->set_help_flag("-h,--help", "print this help");
    app_->fallthrough();
    app_->require_subcommand(1);
    app_->get_formatter()->column_width(34);
    root_
        ->add_option(
            "--db", [this](const std::string& file) { flags_["db"] = file; },
            "database file (HERALD_DB, else ./herald.db)")
        .type_name("FILE")
        .group("Common options");
    root_->add_flag("--json", json_, "print one JSON document").group("Common options");
    app_->footer(
        "Both common options may stand before or after the command. 'herald help COMMAND' says "
        "more.\n"
        "Settings: HERALD_DB, HERALD_KEY_FILE, HERALD_EGRESS_ALLOW, HERALD_CONFIG, HERALD_LOG,\n"
        "HERALD_HISTORY_MAX_AGE, HERALD_HISTORY_MAX_SIZE.");
}

CommandTree::~CommandTree() = default;

Command& CommandTree::group(const std::string& name, const std::string& description) {
    Command& group = root_->add_command(name, description);
    group.app_.require_subcommand(1);
    return group;
}

Command& CommandTree::command(Command& parent, const std::string& name,
                              const std::string& description, const std::string& examples,
                              Action run) {
    return add(parent, name, description, examples, std::move(run), false);
}

Command& CommandTree::standalone(Command& parent, const std::string& name,
                                 const std::string& description, const std::string& examples,
                                 Action run) {
    return add(parent, name, description, examples, std::move(run), true);
}

Command& CommandTree::add(Command& parent, const std::string& name, const std::string& description,
                          const std::string& examples, Action run, bool standalone) {
    Command& command = parent.add_command(name, description);
    if (!examples.empty()) command.app_.footer("Example:\n" + examples);
    command.app_.callback([this, run = std::move(run), standalone] {
        chosen_ = run;
        chosen_is_standalone_ = standalone;
    });
    return command;
}

core::Result<std::optional<std::string>> CommandTree::parse(
    const std::vector<std::string>& arguments) {
    try {
        app_->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::CallForVersion&) {
        return std::optional(app_->version());
    } catch (const CLI::CallForHelp&) {
        return std::optional(std::string(core::trim(app_->help())));
    } catch (const CLI::ParseError& failure) {
        return usage_error({.command = root_->chosen(),
                            .not_understood = app_->remaining(true),
                            .parser_says = failure.what()});
    }
    return std::optional<std::string>();
}

Option add_text(Command& command, const std::string& name, TextOption& into,
                const std::string& description, const std::string& type_name) {
    into.option = command.add_option(name, into.value, description).type_name(type_name);
    return into.option;
}

Option add_texts(Command& command, const std::string& name, TextsOption& into,
                 const std::string& description, const std::string& type_name) {
    into.option =
        command.add_option(name, into.values, description).type_name(type_name).one_at_a_time();
    return into.option;
}

}  // namespace herald::cli
