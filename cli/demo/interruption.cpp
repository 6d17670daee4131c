#include "cli/demo/interruption.h"

namespace herald::cli {
namespace {

volatile std::sig_atomic_t interrupting_signal = 0;

void remember_interruption(int signal) {
    interrupting_signal = signal;
}

}  // namespace

Interruption::Interruption() {
    interrupting_signal = 0;
    struct sigaction action{};
    action.sa_handler = remember_interruption;
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        ::sigaction(kSignals[i], nullptr, &before_[i]);
        if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
    }
}

Interruption::~Interruption() {
    restore();
}

void Interruption::restore() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
        ::sigaction(kSignals[i], &before_[i], nullptr);
}

bool Interruption::requested() {
    return interrupting_signal != 0;
}

void Interruption::pass_on() {
    restore();
    if (interrupting_signal != 0) ::raise(interrupting_signal);
}

}  // namespace herald::cli
