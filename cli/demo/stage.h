#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/demo/child_process.h"

namespace herald::cli {

/// A folder that is gone again in the end.
class TemporaryFolder final {
public:
    [[nodiscard]] static core::Result<TemporaryFolder> make();
    TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder();
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

/// Where the demo plays: types commands, shows what they say, and holds each of them to what it
/// should do.
///
/// Errors: a step that did otherwise is an error that names the command.
class Stage final {
public:
    Stage(Context& context, std::filesystem::path folder);

    void say(const std::string& text);
    void open();
    [[nodiscard]] std::filesystem::path file(const std::string& name) const {
        return folder_ / name;
    }

    /// Runs `herald ARGUMENTS` and shows it. Returns what it printed on standard output.
    [[nodiscard]] core::Result<std::string> type(const std::vector<std::string>& arguments,
                                                 int expected_exit = 0);
    /// The same with --json, the answer parsed.
    [[nodiscard]] core::Result<boost::json::value> type_json(std::vector<std::string> arguments,
                                                             int expected_exit = 0);
    /// `herald serve &`, until it answers.
    [[nodiscard]] core::Result<> start_daemon();
    /// `kill -TERM`, until it has ended with 0.
    [[nodiscard]] core::Result<> stop_daemon();

private:
    [[nodiscard]] std::string daemon_log() const;

    Context& context_;
    std::filesystem::path folder_;
    std::filesystem::path program_;
    ChildProcess::Variables environment_;
    std::unique_ptr<ChildProcess> daemon_;
};

/// The error of a step that did not do what it says.
[[nodiscard]] core::Error step_failed(const std::string& what);

/// As a person would type it: arguments with special characters in single quotes.
[[nodiscard]] std::string shell_line(const std::vector<std::string>& arguments);

}  // namespace herald::cli
