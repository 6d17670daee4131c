#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command_tree.h"
#include "core/error.h"

namespace herald::cli {

/// Where the parser gave up.
struct UsageFailure {
    const Command& command;  ///< the deepest that was understood
    std::vector<std::string> not_understood;
    std::string parser_says;
};

/// What is wrong with the arguments, in one line with the nearest known word; never a value that
/// was given.
[[nodiscard]] core::Error usage_error(const UsageFailure& failure);

/// The advice for `--client-secret VALUE` and its like: secrets are no arguments. Empty where there
/// is none.
[[nodiscard]] std::optional<core::Error> secret_on_command_line(
    const std::vector<std::string>& arguments);

}  // namespace herald::cli
