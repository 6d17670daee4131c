#pragma once

#include <sys/types.h>
#include <array>
#include <cstdint>
#include <filesystem>

#include "core/error.h"

namespace herald::storage::sqlite {

/// Which file a path leads to, so that a replaced one is noticed (E-100).
struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileIdentity&) const = default;
};

/// By stat(2): opening and closing the file would drop SQLite's locks on it (Q8). Zeros where there
/// is none.
[[nodiscard]] FileIdentity identity_of(const std::filesystem::path& path);
/// Of the database file, its -wal and its -shm.
using FileIdentities = std::array<FileIdentity, 3>;
[[nodiscard]] FileIdentities identities_of(const std::filesystem::path& database);
/// 0 where there is none.
[[nodiscard]] std::uintmax_t size_of(const std::filesystem::path& path);

/// Whether statfs(2) type `magic` is a file system that cannot share the memory WAL needs (Q16).
[[nodiscard]] bool is_network_file_system(std::int64_t magic);

/// Makes sure that a regular file of mode 0600 stands there, on a local file system; creates an
/// empty one. REQUIRES: no connection of this process has the file open.
[[nodiscard]] core::Result<> prepare_database_file(const std::filesystem::path& path);

}  // namespace herald::storage::sqlite
