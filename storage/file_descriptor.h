#pragma once

#include <sys/types.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace herald::storage {

/// Owns one POSIX file descriptor.
class FileDescriptor final {
public:
    FileDescriptor() noexcept = default;
    explicit FileDescriptor(int descriptor) noexcept : descriptor_(descriptor) {}
    FileDescriptor(FileDescriptor&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    ~FileDescriptor() { reset(); }

    void reset() noexcept;
    [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }
    [[nodiscard]] int get() const noexcept { return descriptor_; }
    [[nodiscard]] explicit operator bool() const noexcept { return descriptor_ >= 0; }

private:
    int descriptor_ = -1;
};

/// A `storage_error` with the text of `errno`: "create /a/b: Permission denied".
[[nodiscard]] core::Error system_error(std::string_view doing, const std::filesystem::path& path,
                                       int error_number);

/// Creates `path` with mode 0600 whatever the umask; empty where it exists or cannot be made (see
/// errno).
[[nodiscard]] FileDescriptor create_private_file(const std::filesystem::path& path);

/// Writes all of `bytes` and syncs them.
[[nodiscard]] core::Result<> write_synced(int descriptor, const std::filesystem::path& path,
                                          std::string_view bytes);

/// Makes the names in the folder of `path` durable.
[[nodiscard]] core::Result<> sync_folder_of(const std::filesystem::path& path);

/// Gives `from` the name `to` unless that name is taken, durably. Error number EEXIST: `taken`.
[[nodiscard]] core::Result<> rename_unless_taken(const std::filesystem::path& from,
                                                 const std::filesystem::path& to);

}  // namespace herald::storage
