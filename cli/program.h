#pragma once

#include <string>
#include <vector>

#include "cli/command_tree.h"
#include "cli/context.h"

namespace herald::cli {

/// Every command of the program, listed in commands/all.h.
void add_all_commands(CommandTree& tree);

/// Parses and runs one command line (without the program's name); returns the exit code.
///
/// Results go to `io.out` only, everything else to `io.err`. Does not throw.
[[nodiscard]] int run_program(const std::vector<std::string>& arguments, ProgramIo& io);

}  // namespace herald::cli
