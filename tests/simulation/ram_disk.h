#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"

struct sqlite3_file;
struct sqlite3_vfs;

namespace herald::simulation {

/// What was done to a file.
struct DiskStep {
    enum class Kind { kWrite, kTruncate, kSync, kRemove };
    Kind kind = Kind::kWrite;
    std::uint64_t offset = 0;  ///< of a write; the new size of a truncation
    std::string bytes = {};
};
struct LoggedStep {
    std::string file;
    DiskStep step;
};

/// A file of which not everything is on the disk yet.
class DiskFile final {
public:
    explicit DiskFile(std::string synced = {}) : synced_(std::move(synced)) {}

    void take(DiskStep step);
    [[nodiscard]] bool is_removed() const { return removed_; }
    /// What was not synced is there wholly, torn at 512 bytes, or not at all, each write for
    /// itself, and of two to one place either may be the last.
    [[nodiscard]] std::string after_power_loss(core::Random& random) const;

private:
    std::string synced_;
    std::vector<DiskStep> unsynced_;
    bool removed_ = false;
};

/// SQLite's files in memory, with what a disk does at the wrong moment.
///
/// While it lives it is SQLite's default VFS, so the store under test needs to know nothing of it.
/// Files are told apart by their path; none of them exists in the file system. Thread-safety: none.
class RamDisk final {
public:
    RamDisk();
    ~RamDisk();
    RamDisk(const RamDisk&) = delete;
    RamDisk& operator=(const RamDisk&) = delete;

    /// The contents of every file, as a crash at this moment could leave them at best.
    using Image = std::map<std::string, std::string>;
    [[nodiscard]] Image image() const;
    /// REQUIRES: no file is open.
    void load(const Image& image);

    /// Whatever is done to the files from here on is added to `log`; null ends that.
    void record(std::vector<LoggedStep>* log) { log_ = log; }

    /// From here on the process that uses the files is dead: whatever it still does has no effect.
    /// Destroy what has them open, then `revive`.
    void cut();
    /// kill -9: what was written is there. With `power`: DiskFile::after_power_loss.
    void revive(core::Random* power = nullptr);

private:
    struct File;
    struct OpenFile;
    struct Methods;
    using FilePtr = std::shared_ptr<File>;

    [[nodiscard]] FilePtr find(const std::string& path) const;

    std::unique_ptr<sqlite3_vfs> vfs_;
    std::map<std::string, FilePtr> files_;
    std::vector<LoggedStep>* log_ = nullptr;
    bool cut_ = false;
    int open_ = 0;
};

}  // namespace herald::simulation
