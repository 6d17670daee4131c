#include "cli/interrupt.h"

namespace herald::cli {
namespace {

volatile std::sig_atomic_t was_asked = 0;

void note(int /*signal*/) {
    was_asked = 1;
}

}  // namespace

Interrupt::Interrupt() {
    was_asked = 0;
    struct sigaction action{};
    action.sa_handler = note;
    // No restart: a read from a terminal has to end.
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &before_);
}

Interrupt::~Interrupt() {
    ::sigaction(SIGINT, &before_, nullptr);
}

bool Interrupt::asked() const {
    return was_asked != 0;
}

}  // namespace herald::cli
