#pragma once

#include <array>
#include <csignal>

namespace herald::cli {

/// Remembers that Ctrl-C, SIGTERM or SIGHUP came, for as long as it lives, so that what was begun
/// can be taken back first.
///
/// REQUIRES: one at a time. A waiting system call returns EINTR.
class Interruption final {
public:
    Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
    ~Interruption();

    [[nodiscard]] static bool requested();
    /// Ends the program by the signal that came, if one did.
    void pass_on();

private:
    static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
    void restore();

    std::array<struct sigaction, kSignals.size()> before_{};
};

}  // namespace herald::cli
