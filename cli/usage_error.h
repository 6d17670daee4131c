#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

#include "core/error.h"

namespace herald::cli {

/// What is wrong with the arguments, in one line with the nearest known word; never a value that
/// was given.
[[nodiscard]] core::Error usage_error(const CLI::App& root, const CLI::ParseError& failure);

/// The advice for `--client-secret VALUE` and its like: secrets are no arguments. Empty where there
/// is none.
[[nodiscard]] std::optional<core::Error> secret_on_command_line(
    const std::vector<std::string>& arguments);

}  // namespace herald::cli
