#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "cli/connect.h"
#include "cli/descriptor_buffer.h"
#include "cli/exit_code.h"
#include "cli/process_setup.h"
#include "cli/program.h"

namespace {

/// A closed pipe is how `| head` ends, and no failure of ours.
int finish(const herald::cli::DescriptorBuffer& out, int exit_code) {
    const int error_number = out.error_number();
    if (error_number == 0 || error_number == EPIPE || exit_code != herald::cli::kExitDone)
        return exit_code;
    std::cerr << "herald: cannot write to standard output: " << std::strerror(error_number) << '\n';
    return herald::cli::kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
    herald::cli::set_up_process();
    herald::core::SystemClock clock;
    herald::cli::DescriptorBuffer buffer(STDOUT_FILENO);
    std::ostream out(&buffer);
    herald::cli::ProgramIo io{
        .out = out,
        .err = std::cerr,
        .out_is_terminal = ::isatty(STDOUT_FILENO) != 0,
        .err_is_terminal = ::isatty(STDERR_FILENO) != 0,
        .environment = herald::cli::process_environment(),
        .connect =
            [&clock](const herald::cli::Settings& settings, herald::cli::DatabaseUse use) {
                return herald::cli::connect(settings, use, clock);
            },
        .clock = clock,
        .standard_input = STDIN_FILENO,
    };
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const int exit_code = herald::cli::run_program(arguments, io);
    out.flush();
    return finish(buffer, exit_code);
}
