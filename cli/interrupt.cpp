#include "cli/interrupt.h"

namespace herald::cli {
namespace {

volatile std::sig_atomic_t interrupting_signal = 0;

void remember_signal(int signal) {
    interrupting_signal = signal;
}

}  // namespace

Interrupt::Interrupt(const std::vector<int>& signals, Second second) {
    interrupting_signal = 0;
    struct sigaction action{};
    action.sa_handler = remember_signal;
    // No restart: a read from a terminal has to end.
    if (second == Second::kEnds) action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int signal : signals) {
        struct sigaction before{};
        ::sigaction(signal, nullptr, &before);
        before_.emplace_back(signal, before);
        if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
    }
}

Interrupt::~Interrupt() {
    restore();
}

void Interrupt::restore() {
    for (const auto& [signal, before] : before_) ::sigaction(signal, &before, nullptr);
}

int Interrupt::which() {
    return interrupting_signal;
}

void Interrupt::pass_on() {
    restore();
    if (interrupting_signal != 0) ::raise(interrupting_signal);
}

}  // namespace herald::cli
