#include "cli/lock_wait.h"

#include <array>
#include <filesystem>
#include <fstream>

#include "cli/pause.h"
#include "core/backoff.h"
#include "core/json.h"

namespace herald::cli {
namespace {

using storage::DatabaseLock;
using LockOutcome = std::variant<DatabaseLock, HeldByDaemon>;

core::Error locked_too_long(const Settings& settings, const core::Error& holder) {
    core::Error error{.kind = core::ErrorKind::kStorage, .code = "database_locked", .message = {}};
    error.message = "waited " + std::to_string(kCommandLockPatience.count()) +
                    " s for another command to let go of " + settings.database.string() +
                    "; try again when it has ended";
    error.details = holder.details;
    return error;
}

core::Error daemon_has_it(const Settings& settings, const core::Error& holder) {
    core::Error error = holder;
    const auto* const pid = holder.details.if_contains("pid");
    const std::string number =
        pid != nullptr && pid->is_int64() ? std::to_string(pid->get_int64()) : "unknown";
    error.message = "the database " + settings.database.string() +
                    " is owned by the daemon with pid " + number + "; stop that one first";
    return error;
}

core::Error no_database(const Settings& settings, const std::string& why) {
    return {.kind = core::ErrorKind::kStorage,
            .code = "storage_error",
            .message = settings.database.string() + " " + why +
                       "; name the database with --db or HERALD_DB"};
}

/// Before anything is put beside it, a lock file not excepted: a mistyped name gets an answer that
/// names it. Safe for SQLite's locks: this process has not opened the file yet.
core::Result<> check_path(const Settings& settings) {
    constexpr std::string_view kMagic("SQLite format 3\0", 16);
    const std::filesystem::path parent = settings.database.parent_path();
    std::error_code failure;
    if (!parent.empty() && !std::filesystem::is_directory(parent, failure)) {
        return no_database(settings, "cannot be there: the folder " + parent.string() +
                                         " does not exist; make it with 'mkdir -p " +
                                         parent.string() + "'");
    }
    const auto kind = std::filesystem::status(settings.database, failure).type();
    if (kind == std::filesystem::file_type::directory) return no_database(settings, "is a folder");
    if (kind == std::filesystem::file_type::not_found) return {};
    if (kind != std::filesystem::file_type::regular) return no_database(settings, "is no file");
    std::array<char, kMagic.size()> head{};
    std::ifstream file(settings.database, std::ios::binary);
    file.read(head.data(), head.size());
    const auto size = static_cast<std::size_t>(file.gcount());
    // Unreadable or empty is said, or mended, where it is opened.
    if (size == 0 || std::string_view(head.data(), size) == kMagic) return {};
    return no_database(settings, "is no Herald database, and nothing was changed");
}

core::Result<LockOutcome> wait_for_lock(const Settings& settings, core::Clock& clock,
                                        DatabaseLock::Owner owner) {
    constexpr core::Backoff kLook{.first = std::chrono::milliseconds(5),
                                  .longest = std::chrono::milliseconds(200)};
    if (auto good = check_path(settings); !good) return good.error();
    const auto deadline = clock.steady_now() + kCommandLockPatience;
    for (int looks = 1;; ++looks) {
        auto lock = DatabaseLock::acquire(settings.database, owner);
        if (lock) return LockOutcome(std::move(*lock));
        if (lock.error().code != "already_running") return lock.error();
        if (core::string_member(lock.error().details, "owner") == "daemon") {
            return LockOutcome(HeldByDaemon{daemon_has_it(settings, lock.error())});
        }
        if (clock.steady_now() >= deadline) return locked_too_long(settings, lock.error());
        pause(clock, kLook.after(looks));
    }
}

}  // namespace

core::Result<LockOutcome> lock_for_command(const Settings& settings, core::Clock& clock) {
    return wait_for_lock(settings, clock, DatabaseLock::Owner::kCommand);
}

core::Result<DatabaseLock> lock_for_daemon(const Settings& settings, core::Clock& clock) {
    auto outcome = wait_for_lock(settings, clock, DatabaseLock::Owner::kDaemon);
    if (outcome && std::holds_alternative<HeldByDaemon>(*outcome)) {
        // A process that took over this very instant has not written its name yet: look once more.
        pause(clock, std::chrono::milliseconds(50));
        outcome = wait_for_lock(settings, clock, DatabaseLock::Owner::kDaemon);
    }
    if (!outcome) return outcome.error();
    if (const auto* daemon = std::get_if<HeldByDaemon>(&*outcome)) return daemon->error;
    return std::get<DatabaseLock>(std::move(*outcome));
}

}  // namespace herald::cli
