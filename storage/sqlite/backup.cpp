#include "storage/sqlite/backup.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <string>

#include "storage/file_descriptor.h"

namespace herald::storage::sqlite {
namespace {

constexpr int kPagesAStep = 1024;

constexpr std::string_view kUnfinished = ".unfinished-";
constexpr std::array kSuffixes{"", "-wal", "-shm", "-journal"};

/// The pid in the name of an unfinished backup of `target`; 0 where `name` is another file.
pid_t maker_of(std::string_view name, const std::filesystem::path& target) {
    const std::string start = target.filename().string() + std::string(kUnfinished);
    if (!name.starts_with(start)) return 0;
    name.remove_prefix(start.size());
    pid_t pid = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
    const std::string_view rest(end, static_cast<std::size_t>(name.data() + name.size() - end));
    const bool is_ours =
        failure == std::errc() && std::ranges::find(kSuffixes, rest) != kSuffixes.end();
    return is_ours ? pid : 0;
}

bool is_being_written(const std::filesystem::path& unfinished) {
    const FileDescriptor file(::open(unfinished.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    return file && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0;
}

/// Removes what backups to `target` left behind that were killed. A pid says little where
/// containers share a folder, or where it was given again: the one who writes holds a lock.
void sweep(const std::filesystem::path& target) {
    const auto folder = target.has_parent_path() ? target.parent_path() : ".";
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
        const pid_t pid = maker_of(entry.path().filename().string(), target);
        if (pid <= 0) continue;
        const std::filesystem::path unfinished =
            target.string() + std::string(kUnfinished) + std::to_string(pid);
        const bool is_dead = pid == ::getpid() || (::kill(pid, 0) != 0 && errno == ESRCH);
        if (is_dead && !is_being_written(unfinished)) ::unlink(entry.path().c_str());
    }
}

std::filesystem::path create_unfinished(const std::filesystem::path& target, FileDescriptor& held) {
    if (std::filesystem::exists(target)) {
        throw Refusal(conflict(
            "invalid_argument",
            "back up to " + target.string() + ": there is a file of this name; choose another"));
    }
    std::filesystem::path unfinished =
        target.string() + std::string(kUnfinished) + std::to_string(::getpid());
    sweep(target);
    held = create_private_file(unfinished);
    if (!held || ::flock(held.get(), LOCK_EX | LOCK_NB) != 0)
        throw Refusal(system_error("create backup", unfinished, errno));
    return unfinished;
}

void sync_file(const std::filesystem::path& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fsync(file.get()) != 0) throw Refusal(system_error("sync backup", path, errno));
}

}  // namespace

struct Backup::Copy {
    explicit Copy(Connection& source, const std::filesystem::path& path)
        : target(path, Connection::Access::kReadWrite),
          backup(sqlite3_backup_init(target.handle(), "main", source.handle(), "main")) {
        if (backup == nullptr) {
            throw Failure(sqlite3_extended_errcode(target.handle()),
                          sqlite3_errmsg(target.handle()));
        }
    }
    Copy(const Copy&) = delete;
    Copy& operator=(const Copy&) = delete;
    ~Copy() { sqlite3_backup_finish(backup); }

    Connection target;
    sqlite3_backup* backup;
};

Backup::Backup(Connection& source, const std::filesystem::path& target)
    : target_(target),
      unfinished_(create_unfinished(target, held_)),
      copy_(std::make_unique<Copy>(source, unfinished_)) {}

Backup::~Backup() {
    copy_.reset();
    for (const char* suffix : kSuffixes) ::unlink((unfinished_.string() + suffix).c_str());
}

bool Backup::step() {
    const int code = sqlite3_backup_step(copy_->backup, kPagesAStep);
    if (code == SQLITE_DONE) {
        const int finished = sqlite3_backup_finish(std::exchange(copy_->backup, nullptr));
        if (finished != SQLITE_OK) throw Failure(finished, sqlite3_errstr(finished));
        return true;
    }
    if (code != SQLITE_OK) throw Failure(code, sqlite3_errstr(code));
    return false;
}

void Backup::finish() {
    // One file, with no -wal that could be left behind; opening it as a database makes it WAL
    // again.
    static_cast<void>(copy_->target.single("PRAGMA journal_mode = DELETE"));
    quick_check(copy_->target);
    copy_.reset();
    sync_file(unfinished_);
    auto named = rename_unless_taken(unfinished_, target_);
    if (!named) throw Refusal(named.error());
}

void quick_check(Connection& db) {
    const std::string found = db.single("PRAGMA quick_check(1)");
    if (found == "ok") return;
    throw Refusal(storage_error("the database is damaged (" + found +
                                "); restore a backup, or save what is left with sqlite3 .recover"));
}

std::vector<std::string> integrity_problems(Connection& db) {
    std::vector<std::string> problems;
    auto row = db.query("PRAGMA integrity_check(100)");
    while (row.next()) problems.push_back(row.take<std::string>());
    if (problems == std::vector<std::string>{"ok"}) problems.clear();
    return problems;
}

}  // namespace herald::storage::sqlite
