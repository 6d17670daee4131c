#pragma once

#include <string>

#include "api/router.h"
#include "core/error.h"

namespace herald::api {

/// `problem` with another status than its code has: 405 and 413 are `malformed_request` too.
[[nodiscard]] ApiResponse problem_with_status(int status, const core::Error& error);

/// 400: the request itself cannot be read.
[[nodiscard]] core::Error malformed_request(std::string message);

}  // namespace herald::api
