#include "cli/demo/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "cli/interrupt.h"
#include "cli/pause.h"
#include "storage/file_descriptor.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): only some libcs declare it

namespace herald::cli {
namespace {

using storage::FileDescriptor;

core::Error failure(const std::string& what, int error_number) {
    core::Error error{.kind = core::ErrorKind::kPermanent, .code = "internal_error", .message = {}};
    error.message = what + ": " + std::strerror(error_number);
    return error;
}

int exit_code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// posix_spawn_file_actions_t, released in the end.
class FileActions final {
public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

    void read_nothing() {
        ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    void send(int to, int from) { ::posix_spawn_file_actions_adddup2(&actions_, to, from); }
    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

std::vector<std::string> environment_of(const ChildProcess::Variables& variables) {
    std::vector<std::string> all;
    for (char** each = environ; *each != nullptr; ++each) {
        if (std::strncmp(*each, "HERALD_", 7) != 0) all.emplace_back(*each);
    }
    for (const auto& [name, value] : variables) all.push_back(name + "=" + value);
    return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

core::Result<pid_t> spawn(const std::filesystem::path& program,
                          const std::vector<std::string>& arguments,
                          const ChildProcess::Variables& variables, const FileActions& actions) {
    std::vector<std::string> argument_texts{"herald"};
    argument_texts.insert(argument_texts.end(), arguments.begin(), arguments.end());
    auto environment_texts = environment_of(variables);
    const auto argument_pointers = pointers_to(argument_texts);
    const auto environment_pointers = pointers_to(environment_texts);
    pid_t pid = -1;
    const int failed = ::posix_spawn(&pid, program.c_str(), actions.get(), nullptr,
                                     argument_pointers.data(), environment_pointers.data());
    if (failed != 0) return failure("start " + program.string(), failed);
    return pid;
}

struct Pipe {
    FileDescriptor read;
    FileDescriptor write;
};

core::Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failure("make a pipe", errno);
    Pipe pipe;
    pipe.read = FileDescriptor(ends[0]);
    pipe.write = FileDescriptor(ends[1]);
    return pipe;
}

/// Both at once: a child that fills one pipe while we wait on the other would never end.
void drain(pid_t child, int out, int err, ChildResult& result) {
    std::array<pollfd, 2> watched{pollfd{out, POLLIN, 0}, pollfd{err, POLLIN, 0}};
    const std::array<std::string*, 2> texts{&result.out, &result.err};
    std::array<char, 4096> buffer{};
    while (watched[0].fd >= 0 || watched[1].fd >= 0) {
        if (::poll(watched.data(), watched.size(), -1) < 0) {
            if (errno != EINTR) return;
            if (Interrupt::requested()) ::kill(child, SIGTERM);
            continue;
        }
        for (std::size_t i = 0; i < watched.size(); ++i) {
            if (watched[i].fd < 0 || watched[i].revents == 0) continue;
            const auto got = ::read(watched[i].fd, buffer.data(), buffer.size());
            if (got > 0) texts[i]->append(buffer.data(), static_cast<std::size_t>(got));
            if (got == 0 || (got < 0 && errno != EINTR)) watched[i].fd = -1;
        }
    }
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return exit_code_of(status);
}

}  // namespace

std::filesystem::path own_executable() {
    return std::filesystem::read_symlink("/proc/self/exe");
}

core::Result<ChildResult> ChildProcess::run(const std::filesystem::path& program,
                                            const std::vector<std::string>& arguments,
                                            const Variables& environment) {
    auto out = make_pipe();
    if (!out) return out.error();
    auto err = make_pipe();
    if (!err) return err.error();
    FileActions actions;
    actions.read_nothing();
    actions.send(out->write.get(), STDOUT_FILENO);
    actions.send(err->write.get(), STDERR_FILENO);
    auto pid = spawn(program, arguments, environment, actions);
    if (!pid) return pid.error();
    out->write.reset();
    err->write.reset();
    ChildResult result;
    drain(*pid, out->read.get(), err->read.get(), result);
    result.exit_code = wait_for(*pid);
    return result;
}

core::Result<ChildProcess> ChildProcess::start(const std::filesystem::path& program,
                                               const std::vector<std::string>& arguments,
                                               const Variables& environment,
                                               const std::filesystem::path& log) {
    const FileDescriptor file(
        ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!file) return failure("open " + log.string(), errno);
    FileActions actions;
    actions.read_nothing();
    actions.send(file.get(), STDOUT_FILENO);
    actions.send(file.get(), STDERR_FILENO);
    auto pid = spawn(program, arguments, environment, actions);
    if (!pid) return pid.error();
    return ChildProcess(*pid);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), exit_code_(other.exit_code_) {}

ChildProcess::~ChildProcess() {
    if (!is_running()) return;
    ::kill(pid_, SIGKILL);
    wait_for(pid_);
}

bool ChildProcess::is_running() {
    if (pid_ < 0) return false;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == 0) return true;
    exit_code_ = exit_code_of(status);
    pid_ = -1;
    return false;
}

int ChildProcess::terminate(core::Clock& clock, std::chrono::milliseconds patience) {
    if (!is_running()) return exit_code_;
    ::kill(pid_, SIGTERM);
    const auto deadline = clock.steady_now() + patience;
    while (is_running()) {
        if (clock.steady_now() >= deadline) ::kill(pid_, SIGKILL);
        pause(clock, std::chrono::milliseconds(20));
    }
    return exit_code_;
}

}  // namespace herald::cli
