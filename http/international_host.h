#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace herald::http {

/// The ASCII form of a host name with other letters, UTF-8 (IDNA 2008 with UTS 46,
/// non-transitional: what browsers ask for). Refuses (field `field`) names without one, and those
/// that turn out to be addresses.
[[nodiscard]] core::Result<std::string> to_ascii_host(std::string_view host,
                                                      std::string_view field);

}  // namespace herald::http
