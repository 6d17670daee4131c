#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "core/error.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

/// The commands of the program and their options. Only command_tree.cpp knows the parser behind
/// them, which is expensive to compile.
namespace herald::cli {

/// What a command does: its exit code, or why it could not.
using Action = std::function<core::Result<int>(Context&)>;

/// A handle of an option that was added; as good as its tree.
class Option final {
public:
    Option() = default;
    explicit Option(CLI::Option* option) : option_(option) {}

    /// Stands in the help for the value.
    Option& type_name(const std::string& name);
    Option& required();
    /// The heading in the help under which it stands.
    Option& group(const std::string& heading);
    /// Given without a value it counts as given, with the empty text.
    Option& value_may_be_missing();
    /// One value each time it is given, not all that follow.
    Option& one_at_a_time();
    /// False for a handle of none.
    [[nodiscard]] bool given() const;

private:
    CLI::Option* option_ = nullptr;
};

/// A command, or a group that only holds others: what may stand after it on the command line.
class Command final {
public:
    Command(CLI::App& app, const Command* parent) : app_(app), parent_(parent) {}
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    /// `into` has to live as long as the tree. A name without dashes is positional.
    Option add_option(const std::string& name, std::string& into, const std::string& description);
    /// A whole number from 1 on.
    Option add_option(const std::string& name, std::uint64_t& into, const std::string& description);
    Option add_option(const std::string& name, std::vector<std::string>& into,
                      const std::string& description);
    Option add_option(const std::string& name, std::function<void(const std::string&)> take,
                      const std::string& description);
    Option add_flag(const std::string& name, bool& into, const std::string& description);
    Command& add_command(const std::string& name, const std::string& description);

    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::string description() const;
    /// Null for the program itself.
    [[nodiscard]] const Command* parent() const { return parent_; }
    [[nodiscard]] std::vector<const Command*> commands() const;
    /// `--name` of its own options.
    [[nodiscard]] std::vector<std::string> option_names() const;
    [[nodiscard]] bool needs_command() const;
    /// The page of help, under the names that lead to it.
    [[nodiscard]] std::string help() const;

private:
    friend class CommandTree;
    [[nodiscard]] const Command& chosen() const;

    CLI::App& app_;
    const Command* parent_;
    std::vector<std::unique_ptr<Command>> commands_;
};

/// The commands and their options, and which one was chosen. Commands run after parsing, never
/// inside it.
class CommandTree final {
public:
    CommandTree();
    CommandTree(const CommandTree&) = delete;
    CommandTree& operator=(const CommandTree&) = delete;
    ~CommandTree();

    [[nodiscard]] Command& root() { return *root_; }
    [[nodiscard]] const Command& root() const { return *root_; }
    /// A command that only holds others: `herald provider`.
    Command& group(const std::string& name, const std::string& description);
    /// `examples`: one or two, a line each.
    Command& command(Command& parent, const std::string& name, const std::string& description,
                     const std::string& examples, Action run);
    /// One that looks at no settings and no database.
    Command& standalone(Command& parent, const std::string& name, const std::string& description,
                        const std::string& examples, Action run);

    /// What to print instead of running a command: help, or the version; empty where one was
    /// chosen. Errors: usage_error().
    [[nodiscard]] core::Result<std::optional<std::string>> parse(
        const std::vector<std::string>& arguments);

    /// Empty until a command was parsed.
    [[nodiscard]] const Action& chosen() const { return chosen_; }
    [[nodiscard]] bool chosen_is_standalone() const { return chosen_is_standalone_; }
    /// Settings that flags name; options of commands add to it.
    [[nodiscard]] SettingValues& flags() { return flags_; }

private:
    Command& add(Command& parent, const std::string& name, const std::string& description,
                 const std::string& examples, Action run, bool standalone);

    std::unique_ptr<CLI::App> app_;
    std::unique_ptr<Command> root_;
    Action chosen_;
    bool chosen_is_standalone_ = false;
    bool json_ = false;
    SettingValues flags_;
};

/// An option with one text value that knows whether it was given; the empty text counts.
struct TextOption {
    std::string value;
    Option option;

    [[nodiscard]] bool given() const { return option.given(); }
};

/// Adds it to `command`; `type_name` stands in the help for the value.
Option add_text(Command& command, const std::string& name, TextOption& into,
                const std::string& description, const std::string& type_name);

/// An option that may be repeated, one value each time.
struct TextsOption {
    std::vector<std::string> values;
    Option option;

    [[nodiscard]] bool given() const { return option.given(); }
};

Option add_texts(Command& command, const std::string& name, TextsOption& into,
                 const std::string& description, const std::string& type_name);

}  // namespace herald::cli
