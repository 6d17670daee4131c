#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "storage/file_descriptor.h"
#include "storage/sqlite/connection.h"

namespace herald::storage::sqlite {

/// A copy of a database that grows step by step beside its final name and takes that name when it
/// is complete, synced and checked. What the source commits between two steps through its own
/// connection is in the copy.
///
/// Left unfinished, it removes what it wrote; what a killed one left the next backup to the same
/// name removes. Thread-safety: none; steps run where the source's
/// writes run.
class Backup final {
public:
    /// Refusal where `target` exists or cannot be made.
    Backup(Connection& source, const std::filesystem::path& target);
    Backup(const Backup&) = delete;
    Backup& operator=(const Backup&) = delete;
    ~Backup();

    /// Copies a few megabytes; true when everything is copied.
    [[nodiscard]] bool step();
    /// REQUIRES: `step` returned true. The rest does not touch the source.
    void finish();

private:
    struct Copy;

    std::filesystem::path target_;
    FileDescriptor held_;  // closed last: that drops SQLite's locks on the file
    std::filesystem::path unfinished_;
    std::unique_ptr<Copy> copy_;
};

/// What PRAGMA integrity_check finds, at most 100; empty: nothing.
[[nodiscard]] std::vector<std::string> integrity_problems(Connection& db);
/// Refusal where PRAGMA quick_check finds damage.
void quick_check(Connection& db);

}  // namespace herald::storage::sqlite
