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

const CLI::App& deepest(const CLI::App& root) {
    const CLI::App* app = &root;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return *app;
}

std::string path_of(const CLI::App& app) {
    if (app.get_parent() == nullptr) return "herald";
    return path_of(*app.get_parent()) + " " + app.get_name();
}

/// `provider add: `, nothing for the program itself: every error begins with its name anyway.
std::string prefix_of(const CLI::App& app) {
    const std::string path = path_of(app);
    return path == "herald" ? "" : path.substr(7) + ": ";
}

std::vector<std::string> command_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* each :
         app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); })) {
        names.push_back(each->get_name());
    }
    return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* each = &app; each != nullptr; each = each->get_parent()) {
        for (const CLI::Option* option : each->get_options()) {
            for (const auto& name : option->get_lnames()) names.push_back("--" + name);
        }
    }
    return names;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out.append(out.empty() ? "" : ", ").append(word);
    return out;
}

std::string help_hint(const CLI::App& app) {
    const std::string path = path_of(app);
    return "try '" + (path == "herald" ? path + " help" : "herald help" + path.substr(6)) + "'";
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
    const auto near = nearest(word, known);
    return near ? "; did you mean '" + *near + "'?" : "";
}

core::Error unknown_option(const CLI::App& app, const std::string& word) {
    const std::string name = word.substr(0, word.find('='));
    const std::string suggestion = did_you_mean(name, option_names(app));
    const std::string end = suggestion.empty() ? "; " + help_hint(app) : suggestion;
    return wrong_usage(name, prefix_of(app) + "unknown option '" + name + "'" + end,
                       "is no option of " + path_of(app));
}

core::Error unknown_command(const CLI::App& app, const std::string& word) {
    const auto names = command_names(app);
    const std::string suggestion = did_you_mean(word, names);
    const std::string end = suggestion.empty() ? "; known are " + joined(names) : suggestion;
    return wrong_usage("command", prefix_of(app) + "unknown command '" + word + "'" + end,
                       "is one of " + joined(names));
}

core::Error missing_command(const CLI::App& app) {
    const auto names = command_names(app);
    return wrong_usage(
        "command",
        prefix_of(app) + "a command is missing, one of " + joined(names) + "; " + help_hint(app),
        "is one of " + joined(names));
}

/// The argument is not shown: it may be a secret that lost its option.
core::Error one_argument_too_many(const CLI::App& app) {
    return wrong_usage("arguments", prefix_of(app) + "an argument too many; " + help_hint(app),
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
core::Error other_failure(const CLI::App& app, const CLI::ParseError& failure) {
    const std::string hint = "; " + help_hint(app);
    return wrong_usage("arguments", prefix_of(app) + first_line(failure.what()) + hint,
                       first_line(failure.what()));
}

}  // namespace

core::Error usage_error(const CLI::App& root, const CLI::ParseError& failure) {
    const CLI::App& app = deepest(root);
    const auto extras = root.remaining(true);
    const auto option = std::find_if(extras.begin(), extras.end(), [](const std::string& word) {
        return word.size() > 1 && word.front() == '-';
    });
    if (option != extras.end()) return unknown_option(app, *option);
    const bool wants_command = app.get_require_subcommand_min() > 0;
    if (!extras.empty() && wants_command) return unknown_command(app, extras.front());
    if (wants_command) return missing_command(app);
    if (!extras.empty()) return one_argument_too_many(app);
    return other_failure(app, failure);
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
