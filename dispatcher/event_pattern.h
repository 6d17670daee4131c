#pragma once

#include <string_view>

#include "core/error.h"

namespace herald::dispatcher {

/// An event type: dot-separated segments of `A-Za-z0-9_-`, at most 128 characters.
[[nodiscard]] core::Result<> validate_event_type(std::string_view type);
/// An exact type, `prefix.*` (one or more further segments), or `*`.
[[nodiscard]] core::Result<> validate_event_pattern(std::string_view pattern);
/// REQUIRES: both are valid.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view type);

}  // namespace herald::dispatcher
