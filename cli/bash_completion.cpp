#include "cli/bash_completion.h"

#include <set>
#include <vector>

namespace herald::cli {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string words_of(const CLI::App& app, const CLI::App& root) {
    std::string words;
    const auto add = [&words](const std::string& word) {
        words.append(words.empty() ? "" : " ").append(word);
    };
    for (const CLI::App* each : commands_of(app)) add(each->get_name());
    std::set<std::string> options;
    for (const CLI::App* owner : {&app, &root}) {
        for (const CLI::Option* option : owner->get_options()) {
            for (const auto& name : option->get_lnames()) options.insert("--" + name);
        }
    }
    for (const auto& option : options) add(option);
    return words;
}

/// Deepest commands first: the first pattern that fits is taken.
void append_cases(std::string& script, const CLI::App& app, const CLI::App& root,
                  const std::string& path) {
    for (const CLI::App* each : commands_of(app))
        append_cases(script, *each, root, path + each->get_name() + " ");
    script.append("        '")
        .append(path)
        .append("'*) words='")
        .append(words_of(app, root))
        .append("' ;;\n");
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
    std::string script =
        "# bash completion for herald; load it with: source <(herald completion bash)\n"
        "_herald() {\n"
        "    local current=${COMP_WORDS[COMP_CWORD]} path='' words='' word skip=''\n"
        "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
        "        if [[ -n $skip ]]; then skip=''; continue; fi\n"
        "        case $word in --db) skip=1 ;; -*) ;; *) path+=\"$word \" ;; esac\n"
        "    done\n"
        "    case \"$path\" in\n";
    append_cases(script, root, root, "");
    script.append(
        "    esac\n"
        "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
        "}\n"
        "complete -o default -F _herald herald\n");
    return script;
}

}  // namespace herald::cli
