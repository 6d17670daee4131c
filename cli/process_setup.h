#pragma once

namespace herald::cli {

/// What every run needs before anything is opened: 0, 1 and 2 are open, files are made private, a
/// closed pipe is an error code and no signal, and no core file with secrets is ever written
/// (S-18).
void set_up_process() noexcept;

}  // namespace herald::cli
