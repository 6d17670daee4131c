#pragma once

#include <string>
#include <string_view>

#include "cli/context.h"

namespace herald::cli {

/// What `--data JSON|@FILE|-` stands for: checked JSON, its bytes as they came in.
/// Errors: invalid_argument (cannot be read), malformed_request (no JSON, at which byte).
[[nodiscard]] core::Result<std::string> read_data(Context& context, const std::string& argument);

/// The content of `source`, `-` being standard input. `option` names it in errors.
[[nodiscard]] core::Result<std::string> read_text(Context& context, const std::string& source,
                                                  std::string_view option, std::size_t limit);

}  // namespace herald::cli
