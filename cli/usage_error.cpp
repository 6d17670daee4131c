#include "cli/usage_error.h"

#include <algorithm>
#include <array>

#include "cli/suggestion.h"

namespace herald::cli {
namespace {

struct SecretFlag {
    std::string_view flag;
    std::string_view instead;
};

constexpr std::array kSecretFlags{
    SecretFlag{"--client-secret", "--client-secret-file"},
    SecretFlag{"--secret", "--client-secret-file"},
    SecretFlag{"--refresh-token", "--refresh-token-file"},
    SecretFlag{"--private-key", "--private-key-file"},
    SecretFlag{"--password", "--password-file"},
    SecretFlag{"--auth-value", "--auth-value-file"},
    SecretFlag{"--key-id", "--key-id-file"},
    SecretFlag{"--key-secret", "--key-secret-file"},
    SecretFlag{"--signing-secret", "--signing-secret-file"},
    SecretFlag{"--token", "--refresh-token-file"},
    SecretFlag{"--access-token", "--refresh-token-file"},
};

core::Error wrong_usage(const std::string& field, const std::string& message,
                        const std::string& rule) {
    core::Error error = core::invalid_argument(field, rule);
    error.message = message;
    return error;
}

std::string path_of(const Command& command) {
    if (command.parent() == nullptr) return command.name();
    return path_of(*command.parent()) + " " + command.name();
}

/// `provider add: `, nothing for the program itself: every error begins with its name anyway.
std::string prefix_of(const Command& command) {
    const std::string path = path_of(command);
    return path == "herald" ? "" : path.substr(7) + ": ";
}

std::vector<std::string> command_names(const Command& command) {
    std::vector<std::string> names;
    for (const Command* each : command.commands()) names.push_back(each->name());
    return names;
}

/// Those of the commands above count: both common options may stand anywhere.
std::vector<std::string> option_names(const Command& command) {
    std::vector<std::string> names;
    for (const Command* each = &command; each != nullptr; each = each->parent()) {
        for (auto& name : each->option_names()) names.push_back(std::move(name));
    }
    return names;
}

std::string joined_names(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out.append(out.empty() ? "" : ", ").append(word);
    return out;
}

std::string help_hint(const Command& command) {
    const std::string path = path_of(command);
    return "try '" + (path == "herald" ? path + " help" : "herald help" + path.substr(6)) + "'";
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
    const auto near = nearest(word, known);
    return near ? "; did you mean '" + *near + "'?" : "";
}

core::Error unknown_option(const Command& command, const std::string& word) {
    const std::string name = word.substr(0, word.find('='));
    const std::string suggestion = did_you_mean(name, option_names(command));
    const std::string end = suggestion.empty() ? "; " + help_hint(command) : suggestion;
    return wrong_usage(name, prefix_of(command) + "unknown option '" + name + "'" + end,
                       "is no option of " + path_of(command));
}

core::Error unknown_command(const Command& command, const std::string& word) {
    const auto names = command_names(command);
    const std::string suggestion = did_you_mean(word, names);
    const std::string end = suggestion.empty() ? "; known are " + joined_names(names) : suggestion;
    return wrong_usage("command", prefix_of(command) + "unknown command '" + word + "'" + end,
                       "is one of " + joined_names(names));
}

core::Error missing_command(const Command& command) {
    const auto names = command_names(command);
    return wrong_usage("command",
                       prefix_of(command) + "a command is missing, one of " + joined_names(names) +
                           "; " + help_hint(command),
                       "is one of " + joined_names(names));
}

/// The argument is not shown: it may be a secret that lost its option.
core::Error one_argument_too_many(const Command& command) {
    return wrong_usage("arguments",
                       prefix_of(command) + "an argument too many; " + help_hint(command),
                       "too many");
}

std::string first_line(std::string text) {
    text.erase(std::min(text.find('\n'), text.size()));
    // A sentence's first word, not a NAME.
    const auto is_upper = [&](std::size_t i) {
        return i < text.size() && text[i] >= 'A' && text[i] <= 'Z';
    };
    if (is_upper(0) && !is_upper(1)) text.front() = static_cast<char>(text.front() - 'A' + 'a');
    return text;
}

/// CLI11 quotes the value in some of its texts; the ones that may hold a secret are told without
/// it.
core::Error other_failure(const Command& command, const std::string& parser_says) {
    const std::string hint = "; " + help_hint(command);
    return wrong_usage("arguments", prefix_of(command) + first_line(parser_says) + hint,
                       first_line(parser_says));
}

}  // namespace

core::Error usage_error(const UsageFailure& failure) {
    const Command& command = failure.command;
    const auto& extras = failure.not_understood;
    const auto option = std::find_if(extras.begin(), extras.end(), [](const std::string& word) {
        return word.size() > 1 && word.front() == '-';
    });
    if (option != extras.end()) return unknown_option(command, *option);
    if (!extras.empty() && command.needs_command()) return unknown_command(command, extras.front());
    if (command.needs_command()) return missing_command(command);
    if (!extras.empty()) return one_argument_too_many(command);
    return other_failure(command, failure.parser_says);
}

std::optional<core::Error> secret_on_command_line(const std::vector<std::string>& arguments) {
    for (const auto& argument : arguments) {
        const std::string name = argument.substr(0, argument.find('='));
        const auto* const found =
            std::find_if(kSecretFlags.begin(), kSecretFlags.end(),
                         [&](const SecretFlag& each) { return each.flag == name; });
        if (found == kSecretFlags.end()) continue;
        return wrong_usage(
            name,
            name + ": a secret is never an argument, every process can read those; use " +
                std::string(found->instead) + " PATH, or - for standard input",
            "is read from a file or standard input");
    }
    return std::nullopt;
}

}  // namespace herald::cli
