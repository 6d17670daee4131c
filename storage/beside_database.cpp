#include "storage/beside_database.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "storage/file_descriptor.h"

namespace herald::storage {

std::filesystem::path resolved_database(std::filesystem::path path) {
    constexpr int kMostLinks = 40;  // as the kernel; a circle is then told when it is opened
    for (int links = 0; links < kMostLinks; ++links) {
        std::error_code no_link;
        const auto target = std::filesystem::read_symlink(path, no_link);
        if (no_link) break;
        path = target.is_absolute() ? target : path.parent_path() / target;
    }
    return path;
}

core::Result<> give_to_owner_of(const std::filesystem::path& like, int descriptor,
                                const std::filesystem::path& path) {
    if (::geteuid() != 0) return {};
    struct stat owner{};
    struct stat file{};
    if (::stat(like.c_str(), &owner) != 0) return {};
    if (::fstat(descriptor, &file) != 0) return system_error("look at", path, errno);
    if (file.st_uid == owner.st_uid && file.st_gid == owner.st_gid) return {};
    // Under a second name it may be anybody's file.
    if (!S_ISREG(file.st_mode) || file.st_nlink != 1) return {};
    if (::fchown(descriptor, owner.st_uid, owner.st_gid) != 0)
        return system_error("give to the owner of the database", path, errno);
    return {};
}

core::Result<> give_socket_to_owner_of(const std::filesystem::path& like,
                                       const std::filesystem::path& socket) {
    struct stat owner{};
    struct stat file{};
    if (::geteuid() != 0 || ::stat(like.c_str(), &owner) != 0) return {};
    if (::lstat(socket.c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return {};
    if (::lchown(socket.c_str(), owner.st_uid, owner.st_gid) != 0)
        return system_error("give to the owner of the database", socket, errno);
    return {};
}

void remove_database(const std::filesystem::path& database) {
    for (const char* suffix : {"", "-wal", "-shm", ".ballast", ".sending"})
        ::unlink((database.string() + suffix).c_str());
}

}  // namespace herald::storage
