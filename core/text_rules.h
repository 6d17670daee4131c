#pragma once

#include <string_view>

#include "core/error.h"

namespace herald::core {

/// Names of providers and notifications: 1 to 64 of `A-Za-z0-9._-`.
[[nodiscard]] Result<> validate_name(std::string_view name);

/// C0 and DEL: what must not stand in a header, a log line or an identifier.
[[nodiscard]] bool has_control_character(std::string_view text);

}  // namespace herald::core
