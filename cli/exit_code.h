#pragma once

#include "core/error.h"

namespace herald::cli {

// Contract section 2.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;  ///< a remote party refused, a test failed
inline constexpr int kExitUsage = 2;   ///< wrong usage or invalid input, nothing changed
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitConflict = 4;
inline constexpr int kExitUnusable = 5;       ///< storage or daemon
inline constexpr int kExitInterrupted = 130;  ///< Ctrl-C, as shells tell it

/// By `code`; for a code this program does not know yet, by kind.
[[nodiscard]] int exit_code(const core::Error& error);

/// The kind that goes with an API answer's status, for codes this program does not know.
[[nodiscard]] core::ErrorKind kind_of_status(int status);

}  // namespace herald::cli
