#pragma once

#include <string_view>

#include "core/error.h"

namespace herald::core {

/// Names of providers and notifications: 1 to 64 of `A-Za-z0-9._-`.
[[nodiscard]] Result<> validate_name(std::string_view name);

/// C0, DEL, and C1 as UTF-8 writes them: what must not stand in a header, a log line or an
/// identifier.
[[nodiscard]] bool has_control_character(std::string_view text);

/// Whether a field, header or setting of this name usually holds a credential: `api_key`,
/// `X-Auth-Token`, `password`.
[[nodiscard]] bool names_a_credential(std::string_view name);

}  // namespace herald::core
