#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace herald::cli {

/// Asks for a line on `terminal` without showing what is typed. At most `limit` bytes.
///
/// The terminal's echo is on again on every way out: after the line, and before a signal that
/// comes meanwhile (Ctrl-C, Ctrl-\, SIGTERM, SIGHUP) ends the program or Ctrl-Z stops it; after
/// Ctrl-Z the question is asked again. `cancelled` where the program outlives such a signal.
/// REQUIRES: one prompt at a time.
[[nodiscard]] core::Result<std::string> prompt_for_secret(int terminal, std::string_view option,
                                                          std::size_t limit);

}  // namespace herald::cli
