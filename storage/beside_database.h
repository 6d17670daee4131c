#pragma once

#include <filesystem>

#include "core/error.h"

/// What stands beside a database: its lock, its key ring, its socket, SQLite's -wal and -shm, the
/// ballast. Each is named after the database file and belongs to its owner.
namespace herald::storage {

/// `path` with the symbolic links followed that its last name stands for. Whatever is named after a
/// database is named after this, so that one file never has two locks. Links among its folders lead
/// to the same files either way.
[[nodiscard]] std::filesystem::path resolved_database(std::filesystem::path path);

/// Gives the file of `descriptor` to whoever owns `like`, where root made it: else the service
/// whose database it is could not use it. Without effect for others, and where there is no `like`.
[[nodiscard]] core::Result<> give_to_owner_of(const std::filesystem::path& like, int descriptor,
                                              const std::filesystem::path& path);

/// The same for a socket, which has no descriptor that could be given away.
[[nodiscard]] core::Result<> give_socket_to_owner_of(const std::filesystem::path& like,
                                                     const std::filesystem::path& socket);

/// Removes a database with SQLite's files and the ballast. REQUIRES: the caller holds its lock, and
/// nobody has it open.
void remove_database(const std::filesystem::path& database);

}  // namespace herald::storage
