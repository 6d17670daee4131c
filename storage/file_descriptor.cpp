#include "storage/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace herald::storage {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
        reset();
        descriptor_ = other.release();
    }
    return *this;
}

void FileDescriptor::reset() noexcept {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

core::Error system_error(std::string_view doing, const std::filesystem::path& path,
                         int error_number) {
    std::string message(doing);
    message.append(" ").append(path.string()).append(": ");
    message.append(std::generic_category().message(error_number));
    return {.kind = core::ErrorKind::kStorage, .code = "storage_error", .message = message};
}

FileDescriptor create_private_file(const std::filesystem::path& path) {
    constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    FileDescriptor file(::open(path.c_str(), kFlags, S_IRUSR | S_IWUSR));
    if (file && ::fchmod(file.get(), S_IRUSR | S_IWUSR) != 0) return FileDescriptor();
    return file;
}

core::Result<> write_synced(int descriptor, const std::filesystem::path& path,
                            std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_error("write", path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(descriptor) != 0) return system_error("sync", path, errno);
    return {};
}

core::Result<> sync_folder_of(const std::filesystem::path& path) {
    auto folder = path.parent_path();
    if (folder.empty()) folder = ".";
    const FileDescriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return system_error("open folder", folder, errno);
    if (::fsync(directory.get()) != 0) return system_error("sync folder", folder, errno);
    return {};
}

core::Result<> rename_unless_taken(const std::filesystem::path& from,
                                   const std::filesystem::path& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
        return system_error("create", to, errno);
    }
    return sync_folder_of(to);
}

}  // namespace herald::storage
