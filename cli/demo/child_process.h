#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/error.h"

namespace herald::cli {

struct ChildResult {
    int exit_code = 0;  ///< 128 and the signal where one ended it
    std::string out;
    std::string err;
};

/// This program, whatever it is called.
[[nodiscard]] std::filesystem::path own_executable();

/// A child process of this program; killed when it is destroyed while running.
///
/// Environment: that of the parent without HERALD_*, and `environment` on top.
class ChildProcess final {
public:
    using Variables = std::map<std::string, std::string>;

    /// Runs to its end and returns what it said. REQUIRES: it ends by itself.
    [[nodiscard]] static core::Result<ChildResult> run(const std::filesystem::path& program,
                                                       const std::vector<std::string>& arguments,
                                                       const Variables& environment);
    /// Goes on in the background, everything it says appended to `log`.
    [[nodiscard]] static core::Result<ChildProcess> start(const std::filesystem::path& program,
                                                          const std::vector<std::string>& arguments,
                                                          const Variables& environment,
                                                          const std::filesystem::path& log);

    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&&) = delete;
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess();

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool is_running();
    /// SIGTERM, then waits; SIGKILL after `patience`. The exit code as in ChildResult.
    [[nodiscard]] int terminate(core::Clock& clock, std::chrono::milliseconds patience);

private:
    explicit ChildProcess(pid_t pid) : pid_(pid) {}

    pid_t pid_ = -1;
    int exit_code_ = -1;
};

}  // namespace herald::cli
