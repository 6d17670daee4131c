#include "cli/bash_completion.h"

#include <set>
#include <vector>

namespace herald::cli {
namespace {

std::string words_of(const Command& command, const Command& root) {
    std::string words;
    const auto add = [&words](const std::string& word) {
        words.append(words.empty() ? "" : " ").append(word);
    };
    for (const Command* each : command.commands()) add(each->name());
    std::set<std::string> options;
    for (const Command* owner : {&command, &root}) {
        for (auto& name : owner->option_names()) options.insert(std::move(name));
    }
    for (const auto& option : options) add(option);
    return words;
}

/// Deepest commands first: the first pattern that fits is taken.
void append_cases(std::string& script, const Command& command, const Command& root,
                  const std::string& path) {
    for (const Command* each : command.commands())
        append_cases(script, *each, root, path + each->name() + " ");
    script.append("        '")
        .append(path)
        .append("'*) words='")
        .append(words_of(command, root))
        .append("' ;;\n");
}

}  // namespace

std::string bash_completion(const Command& root) {
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
