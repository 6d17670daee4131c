#include "storage/sqlite/database_file.h"

#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "storage/file_descriptor.h"

namespace herald::storage::sqlite {
namespace {

// linux/magic.h names only some of them.
constexpr std::array<std::int64_t, 13> kNetworkFileSystems{
    0x6969,      // NFS
    0xFF534D42,  // CIFS
    0xFE534D42,  // SMB2
    0x517B,      // SMB
    0x01021997,  // 9p
    0x65735546,  // FUSE
    0x5346414F,  // AFS
    0x00C36400,  // Ceph
    0x73757245,  // Coda
    0x564C,      // NCP
    0x0BD00BD0,  // Lustre
    0x01161970,  // GFS2
    0x7461636F,  // OCFS2
};

constexpr mode_t kOthersAccess = S_IRWXG | S_IRWXO;

core::Error refused(const std::filesystem::path& path, std::string_view why) {
    core::Error error{
        .kind = core::ErrorKind::kStorage, .code = "storage_error", .message = "open database "};
    error.message.append(path.string()).append(": ").append(why);
    return error;
}

core::Result<> check_file_system(const std::filesystem::path& path) {
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    struct statfs status{};
    if (::statfs(folder.c_str(), &status) != 0)
        return system_error("open database folder", folder, errno);
    if (is_network_file_system(status.f_type)) {
        return refused(
            path, "it lies on a network file system, which cannot keep it safe; use a local disk");
    }
    return {};
}

core::Result<> create(const std::filesystem::path& path) {
    const FileDescriptor file = create_private_file(path);
    if (!file) return system_error("create database", path, errno);
    return sync_folder_of(path);
}

core::Result<> protect(const std::filesystem::path& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return {};
    if ((status.st_mode & kOthersAccess) == 0) return {};
    if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) return system_error("protect", path, errno);
    return {};
}

}  // namespace

FileIdentity identity_of(const std::filesystem::path& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return {};
    return {.device = status.st_dev, .inode = status.st_ino};
}

FileIdentities identities_of(const std::filesystem::path& database) {
    return {identity_of(database), identity_of(database.string() + "-wal"),
            identity_of(database.string() + "-shm")};
}

std::uintmax_t size_of(const std::filesystem::path& path) {
    std::error_code none;
    const auto size = std::filesystem::file_size(path, none);
    return none ? 0 : size;
}

bool is_network_file_system(std::int64_t magic) {
    // f_type is signed on some architectures: compare 32 bits.
    return std::ranges::find(kNetworkFileSystems, magic & 0xFFFFFFFF) != kNetworkFileSystems.end();
}

core::Result<> prepare_database_file(const std::filesystem::path& path) {
    if (auto local = check_file_system(path); !local) return local;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno != ENOENT) return system_error("open database", path, errno);
        return create(path);
    }
    if (S_ISDIR(status.st_mode)) return refused(path, "it is a folder; name a file");
    if (!S_ISREG(status.st_mode)) return refused(path, "it is no regular file");
    for (const char* suffix : {"", "-wal", "-shm"}) {
        if (auto done = protect(path.string() + suffix); !done) return done;
    }
    return {};
}

}  // namespace herald::storage::sqlite
