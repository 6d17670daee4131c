#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/program.h"
#include "core/clock.h"
#include "tests/support/temp_directory.h"

namespace herald::test {

/// What a command line came to.
struct RunResult {
    int exit_code = -1;
    std::string out;
    std::string err;
};

/// Runs command lines of the whole program against answers that the test prepares, and keeps the
/// requests.
class ProgramFixture {
public:
    /// Every request is answered in order; when none is left, with 200 and {}.
    void answer(int status, std::string body) { answers_.emplace_back(status, std::move(body)); }
    void set_environment(const std::string& name, const std::string& value) {
        environment_[name] = value;
    }
    /// Called with the number of each request, from 1, before it is answered.
    void on_request(std::function<void(std::size_t)> called) { called_ = std::move(called); }
    void set_daemon(bool is_daemon) { is_daemon_ = is_daemon; }
    void set_standard_input(int descriptor) { standard_input_ = descriptor; }
    [[nodiscard]] const std::vector<api::ApiRequest>& requests() const { return requests_; }
    [[nodiscard]] cli::DatabaseUse last_use() const { return last_use_; }

    RunResult run(const std::vector<std::string>& arguments);

private:
    class Client;

    std::map<std::string, std::string> environment_;
    std::vector<std::pair<int, std::string>> answers_;
    std::vector<api::ApiRequest> requests_;
    cli::DatabaseUse last_use_ = cli::DatabaseUse::kMustExist;
    bool is_daemon_ = false;
    int standard_input_ = 0;
    std::function<void(std::size_t)> called_ = [](std::size_t) {};
    core::SystemClock clock_;
};

/// The `code` of {"error":{…}}, empty where it is something else.
[[nodiscard]] std::string error_code(const std::string& json);

}  // namespace herald::test
