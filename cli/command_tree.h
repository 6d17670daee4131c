#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>

#include "cli/context.h"
#include "core/error.h"

namespace herald::cli {

/// What a command does: its exit code, or why it could not.
using Command = std::function<core::Result<int>(Context&)>;

/// The commands and their options, and which one was chosen. Commands run after parsing, never
/// inside it.
class CommandTree final {
public:
    CommandTree();

    [[nodiscard]] CLI::App& root() { return app_; }
    [[nodiscard]] const CLI::App& root() const { return app_; }
    /// A command that only holds others: `herald provider`.
    CLI::App& group(const std::string& name, const std::string& description);
    /// `footer`: one or two examples, a line each.
    CLI::App& command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples, Command run);
    /// One that looks at no settings and no database.
    CLI::App& standalone(CLI::App& parent, const std::string& name, const std::string& description,
                         const std::string& examples, Command run);

    /// Empty until a command was parsed.
    [[nodiscard]] const Command& chosen() const { return chosen_; }
    [[nodiscard]] bool chosen_is_standalone() const { return chosen_is_standalone_; }
    [[nodiscard]] bool json() const { return json_; }
    /// Settings that flags name; options of commands add to it.
    [[nodiscard]] SettingValues& flags() { return flags_; }

private:
    CLI::App& add(CLI::App& parent, const std::string& name, const std::string& description,
                  const std::string& examples, Command run, bool standalone);

    CLI::App app_;
    Command chosen_;
    bool chosen_is_standalone_ = false;
    bool json_ = false;
    SettingValues flags_;
};

/// An option with one text value that knows whether it was given; the empty text counts.
struct TextOption {
    std::string value;
    const CLI::Option* option = nullptr;

    [[nodiscard]] bool given() const { return option != nullptr && option->count() > 0; }
};

/// Adds it to `app`; `type_name` stands in the help for the value.
CLI::Option* add_text(CLI::App& app, const std::string& name, TextOption& into,
                      const std::string& description, const std::string& type_name);

/// An option that may be repeated, one value each time.
struct TextsOption {
    std::vector<std::string> values;
    const CLI::Option* option = nullptr;

    [[nodiscard]] bool given() const { return option != nullptr && option->count() > 0; }
};

CLI::Option* add_texts(CLI::App& app, const std::string& name, TextsOption& into,
                       const std::string& description, const std::string& type_name);

}  // namespace herald::cli
