#include "cli/connect.h"

#include "cli/in_process_client.h"
#include "cli/lock_wait.h"
#include "cli/pause.h"
#include "cli/unix_socket_client.h"
#include "storage/sqlite/sqlite_store.h"

namespace herald::cli {
namespace {

using storage::DatabaseLock;

constexpr std::chrono::milliseconds kSilencePatience{1'000};

/// A daemon that hangs must not hang the command: it has to say that it lives first.
core::Result<std::unique_ptr<ApiClient>> reach_daemon(const Settings& settings) {
    UnixSocketOptions hasty;
    hasty.response_timeout = std::chrono::seconds(5);
    const auto client = make_unix_socket_client(settings.socket(), hasty);
    if (auto alive = ping(*client); !alive) return alive.error();
    return make_unix_socket_client(settings.socket());
}

}  // namespace

core::Result<std::unique_ptr<ApiClient>> connect(const Settings& settings, DatabaseUse use,
                                                 core::Clock& clock) {
    // Without a database there is no owner to look for, and nothing may be created, not even the
    // lock file.
    if (use == DatabaseUse::kMustExist && !storage::database_exists(settings.database)) {
        return missing_database(settings.database);
    }
    // A daemon that just starts or ends is silent for a moment while the lock is held, and the lock
    // file of a command that took over this very instant still names the daemon before it.
    const auto deadline = clock.steady_now() + kSilencePatience;
    auto outcome = lock_for_command(settings, clock);
    while (outcome && std::holds_alternative<HeldByDaemon>(*outcome)) {
        auto daemon = reach_daemon(settings);
        const bool in_vain = !daemon && daemon.error().code == "not_trusted";
        if (daemon || in_vain || clock.steady_now() >= deadline) return daemon;
        pause(clock, std::chrono::milliseconds(50));
        outcome = lock_for_command(settings, clock);
    }
    if (!outcome) return outcome.error();
    RuntimeOptions options;
    options.use = use;
    options.writer_thread = true;  // an import commits many events at once
    auto runtime =
        Runtime::open(settings, std::move(options), std::get<DatabaseLock>(std::move(*outcome)));
    if (!runtime) return runtime.error();
    return make_in_process_client(std::move(*runtime));
}

}  // namespace herald::cli
