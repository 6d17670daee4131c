#pragma once

#include <string>

#include "core/error.h"
#include "http/message.h"

namespace herald::http {

/// The whole request as it goes on the wire. The one place where bytes become a request: nothing
/// that could become a further line or a further request passes here, wherever it came from (S-05,
/// S-06).
[[nodiscard]] core::Result<std::string> request_text(const Request& request);

}  // namespace herald::http
