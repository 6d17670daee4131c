#pragma once

#include <csignal>
#include <utility>
#include <vector>

namespace herald::cli {

/// Remembers that a signal came, for as long as it lives, so that what was begun can be taken back
/// or told first. A signal that the process ignores stays ignored.
///
/// REQUIRES: one at a time. A waiting system call returns EINTR.
class Interrupt final {
public:
    enum class Second {
        kEnds,  ///< the next one ends the process as ever
        kWaits,
    };

    explicit Interrupt(const std::vector<int>& signals = {SIGINT}, Second second = Second::kEnds);
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    [[nodiscard]] static bool requested() { return which() != 0; }
    /// The signal that came; 0: none.
    [[nodiscard]] static int which();
    /// Ends the program by the signal that came, if one did.
    void pass_on();

private:
    void restore();

    std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace herald::cli
