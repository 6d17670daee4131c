#include "cli/secret_prompt.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "cli/interrupt.h"
#include "core/secret.h"

namespace herald::cli {
namespace {

/// Switches the terminal's echo off for as long as it lives.
class WithoutEcho final {
public:
    explicit WithoutEcho(int terminal) : terminal_(terminal) {
        if (::tcgetattr(terminal_, &before_) != 0) return;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        changed_ = ::tcsetattr(terminal_, TCSAFLUSH, &silent) == 0;
    }
    WithoutEcho(const WithoutEcho&) = delete;
    WithoutEcho& operator=(const WithoutEcho&) = delete;
    ~WithoutEcho() {
        if (changed_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
    }

private:
    int terminal_;
    termios before_{};
    bool changed_ = false;
};

/// Those that end or stop a program.
constexpr std::array kSignals{SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};

/// Lets these signals in while it waits only, so that none is missed between a look and a wait.
class SignalsPutOff final {
public:
    SignalsPutOff() {
        sigset_t put_off;
        ::sigemptyset(&put_off);
        for (const int signal : kSignals) ::sigaddset(&put_off, signal);
        ::pthread_sigmask(SIG_BLOCK, &put_off, &before_);
    }
    SignalsPutOff(const SignalsPutOff&) = delete;
    SignalsPutOff& operator=(const SignalsPutOff&) = delete;
    ~SignalsPutOff() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    /// Until there is something to read; false where a signal came instead.
    bool wait_for_input(int terminal) const {
        pollfd watched{terminal, POLLIN, 0};
        int ready = 0;
        do {
            ready = ::ppoll(&watched, 1, nullptr, &before_);
        } while (ready < 0 && errno == EINTR && !Interrupt::requested());
        return ready > 0 && !Interrupt::requested();
    }

private:
    sigset_t before_{};
};

void say_on_terminal(std::string_view text) {
    // Nobody to tell where even that fails.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

/// The line, and the signal that came instead of its end, or 0.
int read_hidden_line(int terminal, std::size_t limit, std::string& line) {
    // In this order: at the end the echo comes back first, and a signal that is still put off does
    // what it always did.
    const SignalsPutOff signals;
    const Interrupt interrupt({kSignals.begin(), kSignals.end()}, Interrupt::Second::kWaits);
    const WithoutEcho silent(terminal);
    char c = 0;
    while (line.size() < limit && !Interrupt::requested()) {
        if (!signals.wait_for_input(terminal)) break;
        if (::read(terminal, &c, 1) != 1) break;
        line.push_back(c);
        if (c == '\n') break;
    }
    return Interrupt::which();
}

}  // namespace

core::Result<std::string> prompt_for_secret(int terminal, std::string_view option,
                                            std::size_t limit) {
    const std::string question = std::string(option.substr(option.find_first_not_of('-'))) + ": ";
    for (;;) {
        say_on_terminal(question);
        std::string line;
        line.reserve(256);  // growing would leave copies behind
        const int signal = read_hidden_line(terminal, limit, line);
        say_on_terminal("\n");
        if (signal == 0) return line;
        core::wipe(line);
        ::raise(signal);
        if (signal != SIGTSTP) break;
    }
    return core::Error{.kind = core::ErrorKind::kCancelled,
                       .code = "cancelled",
                       .message = std::string(option) + ": cancelled, nothing was sent"};
}

}  // namespace herald::cli
