#pragma once

#include <chrono>

#include "core/clock.h"

namespace herald::cli {

/// Blocks the calling thread that long. For a command that waits for another process; never inside
/// the daemon.
void pause(core::Clock& clock, std::chrono::milliseconds duration);

}  // namespace herald::cli
