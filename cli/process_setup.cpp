#include "cli/process_setup.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace herald::cli {
namespace {

/// Else the database could become descriptor 1, and a result be written into it.
void open_standard_descriptors() {
    for (int descriptor = 0; descriptor <= 2; ++descriptor) {
        if (::fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
        // Takes the lowest free number, which is this one.
        [[maybe_unused]] const int opened = ::open("/dev/null", O_RDWR);
    }
}

void forbid_core_files() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    // The leak checker attaches to its own process, which this forbids.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/// Each callout in flight takes a descriptor; what the system allows at most is there to be used.
void allow_many_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void set_up_process() noexcept {
    open_standard_descriptors();
    ::umask(S_IRWXG | S_IRWXO);
    std::signal(SIGPIPE, SIG_IGN);
    forbid_core_files();
    allow_many_descriptors();
}

}  // namespace herald::cli
