#include "storage/sqlite/backup.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "storage/file_descriptor.h"

namespace herald::storage::sqlite {
namespace {

constexpr int kPagesAStep = 1024;

std::filesystem::path create_unfinished(const std::filesystem::path& target) {
    if (std::filesystem::exists(target)) {
        throw Refusal(conflict(
            "invalid_argument",
            "back up to " + target.string() + ": there is a file of this name; choose another"));
    }
    std::filesystem::path unfinished =
        target.string() + ".unfinished-" + std::to_string(::getpid());
    if (!create_private_file(unfinished))
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
      unfinished_(create_unfinished(target)),
      copy_(std::make_unique<Copy>(source, unfinished_)) {}

Backup::~Backup() {
    copy_.reset();
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
        ::unlink((unfinished_.string() + suffix).c_str());
    }
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
