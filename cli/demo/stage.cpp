#include "cli/demo/stage.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "cli/commands/answers.h"
#include "cli/interrupt.h"
#include "cli/pause.h"
#include "cli/unix_socket_client.h"

namespace herald::cli {
namespace {

constexpr const char* kAllowed = "127.0.0.0/8";

std::string quoted(const std::string& word) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
    std::string out = "'";
    for (const char c : word) {
        if (c == '\'') {
            out.append("'\\''");
        } else {
            out.push_back(c);
        }
    }
    return out + "'";
}

}  // namespace

core::Result<TemporaryFolder> TemporaryFolder::make() {
    std::error_code failed;
    std::string pattern =
        (std::filesystem::temp_directory_path(failed) / "herald-demo-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        return step_failed("make a temporary folder like " + pattern);
    return TemporaryFolder(pattern);
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Stage::Stage(Context& context, std::filesystem::path folder)
    : context_(context), folder_(std::move(folder)), program_(own_executable()) {
    environment_["HERALD_DB"] = file("demo.db").string();
    environment_["HERALD_EGRESS_ALLOW"] = kAllowed;
}

void Stage::say(const std::string& text) {
    context_.io().out << "\n# " << text << '\n' << std::flush;
}

void Stage::open() {
    for (const auto& [name, value] : environment_)
        context_.io().out << "$ export " << name << '=' << value << '\n';
}

core::Result<std::string> Stage::type(const std::vector<std::string>& arguments,
                                      int expected_exit) {
    if (Interrupt::requested()) return step_failed("interrupted");
    context_.io().out << "$ herald " << shell_line(arguments) << '\n' << std::flush;
    auto result = ChildProcess::run(program_, arguments, environment_);
    if (!result) return result.error();
    context_.io().out << result->out << result->err << std::flush;
    if (result->exit_code == expected_exit) return std::move(result->out);
    return step_failed("'herald " + shell_line(arguments) + "' ended with " +
                       std::to_string(result->exit_code) + " instead of " +
                       std::to_string(expected_exit));
}

core::Result<boost::json::value> Stage::type_json(std::vector<std::string> arguments,
                                                  int expected_exit) {
    arguments.emplace_back("--json");
    auto out = type(arguments, expected_exit);
    if (!out) return out.error();
    return parse_answer(*out);
}

core::Result<> Stage::start_daemon() {
    context_.io().out << "$ herald serve &\n" << std::flush;
    auto started = ChildProcess::start(program_, {"serve"}, environment_, file("serve.log"));
    if (!started) return started.error();
    daemon_ = std::make_unique<ChildProcess>(std::move(*started));
    const auto client = make_unix_socket_client(environment_["HERALD_DB"] + ".sock");
    const auto deadline = context_.clock().steady_now() + std::chrono::seconds(10);
    while (context_.clock().steady_now() < deadline && daemon_->is_running()) {
        if (Interrupt::requested()) return step_failed("interrupted");
        if (ping(*client)) return {};
        pause(context_.clock(), std::chrono::milliseconds(20));
    }
    return step_failed("'herald serve' did not begin to answer; its log:\n" + daemon_log());
}

core::Result<> Stage::stop_daemon() {
    context_.io().out << "$ kill -TERM " << daemon_->pid() << "   # herald serve\n" << std::flush;
    const int exit_code = daemon_->terminate(context_.clock(), std::chrono::seconds(10));
    if (exit_code == 0) return {};
    return step_failed("'herald serve' ended with " + std::to_string(exit_code) +
                       " instead of 0; its log:\n" + daemon_log());
}

std::string Stage::daemon_log() const {
    std::ifstream log(file("serve.log"));
    return {std::istreambuf_iterator<char>(log), std::istreambuf_iterator<char>()};
}

core::Error step_failed(const std::string& what) {
    return {.kind = core::ErrorKind::kPermanent, .code = "demo_failed", .message = "demo: " + what};
}

std::string shell_line(const std::vector<std::string>& arguments) {
    std::string line;
    for (const auto& word : arguments) line.append(line.empty() ? "" : " ").append(quoted(word));
    return line;
}

}  // namespace herald::cli
