#pragma once

#include <csignal>

namespace herald::cli {

/// While it lives, the first Ctrl-C only asks to stop; the second ends the process as ever.
///
/// One at a time; for commands that have something to say before they end.
class Interrupt final {
public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    [[nodiscard]] bool asked() const;

private:
    struct sigaction before_{};
};

}  // namespace herald::cli
