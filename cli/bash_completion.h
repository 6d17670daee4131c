#pragma once

#include <string>

#include "cli/command_tree.h"

namespace herald::cli {

/// A script for bash that completes commands and options, made from the commands themselves.
[[nodiscard]] std::string bash_completion(const Command& root);

}  // namespace herald::cli
