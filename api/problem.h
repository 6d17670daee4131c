#pragma once

#include <string>

#include "api/router.h"
#include "core/error.h"

namespace herald::api {

/// `problem` with another status than its code has: 405 and 413 are `malformed_request` too.
[[nodiscard]] ApiResponse problem_with_status(int status, const core::Error& error);

/// 400: the request itself cannot be read.
[[nodiscard]] core::Error malformed_request(std::string message);

/// 503: this much cannot be served at once; the same request may succeed a moment later.
[[nodiscard]] core::Error overloaded(std::string why);

}  // namespace herald::api
