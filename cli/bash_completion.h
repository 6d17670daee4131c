#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace herald::cli {

/// A script for bash that completes commands and options, made from the commands themselves.
[[nodiscard]] std::string bash_completion(const CLI::App& root);

}  // namespace herald::cli
