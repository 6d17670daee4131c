#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/random.h"

struct sqlite3_file;
struct sqlite3_vfs;

namespace herald::simulation {

/// One change of a file that is not synced yet.
struct DiskStep {
    enum class Kind { kWrite, kTruncate };
    Kind kind = Kind::kWrite;
    std::uint64_t offset = 0;  ///< of a write; the new size of a truncation
    std::string bytes = {};
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

    /// From here on the process that uses the files is dead: whatever it still does has no effect.
    /// Destroy what has them open, then `revive`.
    void cut();
    /// kill -9: what was written is there. With `power`, what was not synced is there wholly, torn
    /// at 512 bytes, or not at all, each write for itself.
    void revive(core::Random* power = nullptr);

private:
    struct File;
    struct OpenFile;
    struct Methods;
    using FilePtr = std::shared_ptr<File>;

    [[nodiscard]] FilePtr find(const std::string& path) const;

    std::unique_ptr<sqlite3_vfs> vfs_;
    std::map<std::string, FilePtr> files_;
    bool cut_ = false;
    int open_ = 0;
};

}  // namespace herald::simulation
