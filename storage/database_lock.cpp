#include "storage/database_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <string>

#include "storage/beside_database.h"
#include "storage/file_descriptor.h"
#include "storage/trusted_owner.h"

namespace herald::storage {
namespace {

std::string_view to_string(DatabaseLock::Owner owner) {
    switch (owner) {
        case DatabaseLock::Owner::kDaemon:
            return "daemon";
        case DatabaseLock::Owner::kCommand:
            return "command";
    }
    return "unknown";
}

core::Error already_running(int descriptor, const std::filesystem::path& database) {
    std::array<char, 64> content{};
    const ssize_t size = ::pread(descriptor, content.data(), content.size() - 1, 0);
    // The owner may not have written its line yet: then pid 0 and an unknown role.
    std::istringstream line(
        std::string(content.data(), size > 0 ? static_cast<std::size_t>(size) : 0));
    std::int64_t pid = 0;
    std::string owner;
    line >> pid >> owner;
    if (owner.empty()) owner = "unknown";
    core::Error error{.kind = core::ErrorKind::kConflict,
                      .code = "already_running",
                      .message = "lock " + database.string() + ": another process owns it (" +
                                 owner + ", pid " + std::to_string(pid) +
                                 "); stop it or wait for it"};
    error.details["pid"] = pid;
    error.details["owner"] = owner;
    return error;
}

core::Error cannot_open(const std::filesystem::path& path, int error_number) {
    core::Error error = system_error("open lock file", path, error_number);
    struct stat status{};
    if (error_number == EACCES && ::lstat(path.c_str(), &status) == 0) {
        error.message += "; it belongs to " + owner_text(status.st_uid) +
                         ": run herald as that user, or, where no daemon runs, remove it";
    } else if (error_number == EACCES) {
        error.message +=
            "; you may not write in that folder: run herald as the database's "
            "owner, or name another database with --db";
    } else if (error_number == ELOOP) {
        error.message += "; a symbolic link stands there: remove it";
    }
    return error;
}

/// Opened and locked, under its name still.
core::Result<FileDescriptor> open_locked(const std::filesystem::path& path,
                                         const std::filesystem::path& database) {
    constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    for (;;) {
        FileDescriptor file(::open(path.c_str(), kFlags, S_IRUSR | S_IWUSR));
        if (!file) return cannot_open(path, errno);
        struct stat opened{};
        if (::fstat(file.get(), &opened) != 0)
            return system_error("look at lock file", path, errno);
        // Who holds somebody else's lock may also have put a socket there, to be told our secrets.
        if (auto trusted = check_trusted(opened, "the lock file", path); !trusted)
            return trusted.error();
        if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) return already_running(file.get(), database);
            return system_error("lock", path, errno);
        }
        struct stat named{};
        const bool is_same = ::stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
                             opened.st_ino == named.st_ino;
        if (is_same) return file;
    }
}

}  // namespace

core::Result<DatabaseLock> DatabaseLock::acquire(const std::filesystem::path& named, Owner owner) {
    const std::filesystem::path database = resolved_database(named);
    const std::filesystem::path path = database.string() + ".lock";
    auto locked = open_locked(path, database);
    if (!locked) return locked.error();
    FileDescriptor file = std::move(*locked);
    if (auto given = give_to_owner_of(database, file.get(), path); !given) return given.error();
    if (::fchmod(file.get(), S_IRUSR | S_IWUSR) != 0) return system_error("protect", path, errno);
    const std::string line =
        std::to_string(::getpid()) + " " + std::string(to_string(owner)) + "\n";
    if (::ftruncate(file.get(), 0) != 0 ||
        ::pwrite(file.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
        return system_error("write", path, errno);
    }
    return DatabaseLock(file.release(), path);
}

DatabaseLock::DatabaseLock(DatabaseLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

DatabaseLock& DatabaseLock::operator=(DatabaseLock&& other) noexcept {
    if (this != &other) {
        if (descriptor_ >= 0) ::close(descriptor_);
        descriptor_ = std::exchange(other.descriptor_, -1);
        path_ = std::move(other.path_);
    }
    return *this;
}

void DatabaseLock::release_and_remove() {
    if (descriptor_ < 0) return;
    ::unlink(path_.c_str());
    ::close(std::exchange(descriptor_, -1));
}

DatabaseLock::~DatabaseLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace herald::storage
