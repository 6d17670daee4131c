#include "cli/secret_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/encoding.h"
#include "storage/file_descriptor.h"

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

void say_on_terminal(std::string_view text) {
    // Nobody to tell where even that fails.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

core::Result<std::string> prompt(int terminal, std::string_view option) {
    const std::string question = std::string(option.substr(option.find_first_not_of('-'))) + ": ";
    say_on_terminal(question);
    std::string line;
    {
        const WithoutEcho silent(terminal);
        char c = 0;
        while (line.size() <= kMaxSecretBytes && ::read(terminal, &c, 1) == 1) {
            line.push_back(c);
            if (c == '\n') break;
        }
    }
    say_on_terminal("\n");
    return line;
}

void strip_one_newline(std::string& text) {
    if (text.empty() || text.back() != '\n') return;
    text.pop_back();
    if (!text.empty() && text.back() == '\r') text.pop_back();
}

core::Result<core::Secret> checked(std::string text, std::string_view option) {
    strip_one_newline(text);
    if (text.empty()) return core::invalid_argument(option, "the secret read is empty");
    if (text.size() > kMaxSecretBytes) return core::invalid_argument(option, "longer than 64 KiB");
    if (!core::is_valid_utf8(text)) {
        core::wipe(text);
        return core::invalid_argument(option, "the secret read is no UTF-8 text");
    }
    return core::Secret::take(std::move(text));
}

}  // namespace

core::Result<core::Secret> SecretInput::read(const std::string& source, std::string_view option) {
    if (source != "-") return read_file(source, option);
    auto claimed = claim_standard_input(option);
    if (!claimed) return claimed.error();
    auto text = ::isatty(standard_input_) != 0
                    ? prompt(standard_input_, option)
                    : read_all(standard_input_, kMaxSecretBytes + 2, option);
    if (!text) return text.error();
    return checked(std::move(*text), option);
}

core::Result<> SecretInput::claim_standard_input(std::string_view option) {
    if (!claimed_by_.empty()) {
        return core::invalid_argument(
            option, "standard input is read by " + claimed_by_ + " already; use a file");
    }
    claimed_by_ = option;
    return {};
}

core::Result<core::Secret> SecretInput::read_file(const std::string& path,
                                                  std::string_view option) {
    const storage::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file)
        return core::invalid_argument(option,
                                      "cannot open '" + path + "': " + std::strerror(errno));
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) {
        return core::invalid_argument(option,
                                      "cannot look at '" + path + "': " + std::strerror(errno));
    }
    if (S_ISDIR(status.st_mode))
        return core::invalid_argument(option, "'" + path + "' is a directory");
    if (S_ISREG(status.st_mode) && (status.st_mode & (S_IRGRP | S_IROTH)) != 0) {
        warn_("others can read the secret file '" + path + "'; chmod 600 keeps it private");
    }
    auto text = read_all(file.get(), kMaxSecretBytes + 2, option);
    if (!text) return text.error();
    return checked(std::move(*text), option);
}

core::Result<std::string> read_all(int descriptor, std::size_t limit, std::string_view field) {
    std::string text;
    std::array<char, 16 * 1024> buffer{};
    for (;;) {
        const auto got = ::read(descriptor, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return core::invalid_argument(field,
                                          std::string("cannot read: ") + std::strerror(errno));
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > limit) {
            core::wipe(text);
            return core::invalid_argument(field,
                                          "larger than " + std::to_string(limit / 1024) + " KiB");
        }
    }
}

}  // namespace herald::cli
