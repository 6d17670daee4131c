#pragma once

#include <string>

#include "cli/context.h"

namespace herald::cli {

/// Prints all providers as a JSON document that `import_providers` takes, without secrets.
[[nodiscard]] core::Result<int> export_providers(Context& context);

/// Adds the providers of such a document. One that needs a secret is added disabled, and what has
/// to be given is said. Those that cannot be added are reported, the others are kept; exit 1 then.
[[nodiscard]] core::Result<int> import_providers(const std::string& source, Context& context);

/// The kinds there are: name and one line each.
[[nodiscard]] core::Result<int> list_kinds(Context& context);

}  // namespace herald::cli
