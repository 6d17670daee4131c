#include "tests/simulation/ram_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <utility>

namespace herald::simulation {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::size_t kShmLocks = SQLITE_SHM_NLOCK;

void put(std::string& contents, std::uint64_t offset, std::string_view bytes) {
    if (contents.size() < offset + bytes.size()) contents.resize(offset + bytes.size());
    std::copy(bytes.begin(), bytes.end(), contents.begin() + static_cast<std::ptrdiff_t>(offset));
}

void redo(std::string& contents, const DiskStep& step) {
    if (step.kind == DiskStep::Kind::kWrite) put(contents, step.offset, step.bytes);
    if (step.kind == DiskStep::Kind::kTruncate) contents.resize(step.offset);
}

/// Sector by sector, as a disk writes.
void redo_torn(std::string& contents, const DiskStep& step, core::Random& random) {
    std::uint64_t at = step.offset;
    std::string_view rest = step.bytes;
    while (!rest.empty()) {
        const std::size_t length = std::min<std::size_t>(kSector - at % kSector, rest.size());
        if (random.next() % 2 == 0) put(contents, at, rest.substr(0, length));
        at += length;
        rest.remove_prefix(length);
    }
}

}  // namespace

void DiskFile::take(DiskStep step) {
    removed_ = step.kind == DiskStep::Kind::kRemove;
    switch (step.kind) {
        case DiskStep::Kind::kWrite:
        case DiskStep::Kind::kTruncate:
            unsynced_.push_back(std::move(step));
            return;
        case DiskStep::Kind::kSync:
            for (const DiskStep& one : unsynced_) redo(synced_, one);
            unsynced_.clear();
            return;
        case DiskStep::Kind::kRemove:
            synced_.clear();
            unsynced_.clear();
    }
}

std::string DiskFile::after_power_loss(core::Random& random) const {
    std::string contents = synced_;
    std::vector<const DiskStep*> steps;
    for (const DiskStep& step : unsynced_) steps.push_back(&step);
    for (std::size_t i = steps.size(); i > 1 && random.next() % 2 == 0; --i)
        std::swap(steps[i - 1], steps[random.next() % i]);
    for (const DiskStep* step : steps) {
        const std::uint64_t fate = random.next() % 3;
        if (fate == 0) continue;
        if (fate == 1 || step->kind != DiskStep::Kind::kWrite) {
            redo(contents, *step);
        } else {
            redo_torn(contents, *step, random);
        }
    }
    return contents;
}

/// What all who have it open see, and what of it is on the disk.
struct RamDisk::File {
    std::string path;
    std::string contents;
    DiskFile on_disk;

    int shared = 0;
    OpenFile* reserved = nullptr;
    OpenFile* pending = nullptr;
    OpenFile* exclusive = nullptr;

    std::vector<std::unique_ptr<char[]>> shm;
    std::array<int, kShmLocks> shm_shared{};
    std::array<OpenFile*, kShmLocks> shm_exclusive{};

    void forget_processes() {
        shared = 0;
        reserved = pending = exclusive = nullptr;
        shm.clear();
        shm_shared = {};
        shm_exclusive = {};
    }
};

struct RamDisk::OpenFile : sqlite3_file {
    RamDisk* disk = nullptr;
    FilePtr file;
    int lock = SQLITE_LOCK_NONE;
    unsigned shm_shared = 0;  ///< bits of the slots it holds
    unsigned shm_exclusive = 0;
    bool deletes_on_close = false;
};

/// The functions that SQLite calls.
struct RamDisk::Methods {
    static OpenFile& of(sqlite3_file* file) { return *static_cast<OpenFile*>(file); }

    static int close(sqlite3_file* opened) {
        OpenFile& self = of(opened);
        unlock(opened, SQLITE_LOCK_NONE);
        release_shm(self);
        RamDisk& disk = *self.disk;
        if (self.deletes_on_close && !disk.cut_) disk.files_.erase(self.file->path);
        --disk.open_;
        self.~OpenFile();
        return SQLITE_OK;
    }

    static int read(sqlite3_file* opened, void* into, int size, sqlite3_int64 offset) {
        const std::string& contents = of(opened).file->contents;
        const auto wanted = static_cast<std::size_t>(size);
        const auto from = static_cast<std::size_t>(offset);
        const std::size_t there =
            from < contents.size() ? std::min(wanted, contents.size() - from) : 0;
        std::memcpy(into, contents.data() + (there > 0 ? from : 0), there);
        if (there == wanted) return SQLITE_OK;
        std::memset(static_cast<char*>(into) + there, 0, wanted - there);
        return SQLITE_IOERR_SHORT_READ;
    }

    static int write(sqlite3_file* opened, const void* bytes, int size, sqlite3_int64 offset) {
        return change(of(opened), {.kind = DiskStep::Kind::kWrite,
                                   .offset = static_cast<std::uint64_t>(offset),
                                   .bytes = std::string(static_cast<const char*>(bytes),
                                                        static_cast<std::size_t>(size))});
    }

    static int truncate(sqlite3_file* opened, sqlite3_int64 size) {
        return change(of(opened), {.kind = DiskStep::Kind::kTruncate,
                                   .offset = static_cast<std::uint64_t>(size)});
    }

    static int change(OpenFile& self, DiskStep step) {
        if (self.disk->cut_) return SQLITE_OK;
        redo(self.file->contents, step);
        note(*self.disk, *self.file, std::move(step));
        return SQLITE_OK;
    }

    static void note(RamDisk& disk, File& file, DiskStep step) {
        if (disk.log_ != nullptr) disk.log_->push_back({file.path, step});
        file.on_disk.take(std::move(step));
    }

    static int sync(sqlite3_file* opened, int /*flags*/) {
        OpenFile& self = of(opened);
        if (self.disk->cut_) return SQLITE_OK;
        note(*self.disk, *self.file, {.kind = DiskStep::Kind::kSync});
        return SQLITE_OK;
    }

    static int size(sqlite3_file* opened, sqlite3_int64* size) {
        *size = static_cast<sqlite3_int64>(of(opened).file->contents.size());
        return SQLITE_OK;
    }

    static int lock(sqlite3_file* opened, int level) {
        OpenFile& self = of(opened);
        File& file = *self.file;
        if (level <= self.lock) return SQLITE_OK;
        const auto others_hold = [&self](const OpenFile* holder) {
            return holder != nullptr && holder != &self;
        };
        if (level == SQLITE_LOCK_SHARED) {
            if (others_hold(file.pending) || others_hold(file.exclusive)) return SQLITE_BUSY;
            ++file.shared;
        } else if (level == SQLITE_LOCK_RESERVED) {
            if (others_hold(file.reserved)) return SQLITE_BUSY;
            file.reserved = &self;
        } else {
            if (others_hold(file.reserved) || others_hold(file.pending)) return SQLITE_BUSY;
            file.pending = &self;
            if (file.shared > 1) return SQLITE_BUSY;
            file.exclusive = &self;
        }
        self.lock = level;
        return SQLITE_OK;
    }

    static int unlock(sqlite3_file* opened, int level) {
        OpenFile& self = of(opened);
        File& file = *self.file;
        const auto let_go = [&self](OpenFile*& holder) {
            if (holder == &self) holder = nullptr;
        };
        if (level < SQLITE_LOCK_RESERVED) {
            let_go(file.reserved);
            let_go(file.pending);
            let_go(file.exclusive);
        }
        if (level == SQLITE_LOCK_NONE && self.lock >= SQLITE_LOCK_SHARED) --file.shared;
        self.lock = std::min(self.lock, level);
        return SQLITE_OK;
    }

    static int check_reserved(sqlite3_file* opened, int* result) {
        *result = of(opened).file->reserved != nullptr ? 1 : 0;
        return SQLITE_OK;
    }

    static int control(sqlite3_file* /*opened*/, int /*operation*/, void* /*argument*/) {
        return SQLITE_NOTFOUND;
    }

    static int sector_size(sqlite3_file* /*opened*/) { return kSector; }
    static int characteristics(sqlite3_file* /*opened*/) { return 0; }

    static int shm_map(sqlite3_file* opened, int page, int size, int extend, void volatile** into) {
        auto& regions = of(opened).file->shm;
        const auto wanted = static_cast<std::size_t>(page) + 1;
        if (regions.size() < wanted && extend == 0) {
            *into = nullptr;
            return SQLITE_OK;
        }
        while (regions.size() < wanted)
            regions.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
        *into = regions[static_cast<std::size_t>(page)].get();
        return SQLITE_OK;
    }

    static int shm_lock(sqlite3_file* opened, int offset, int count, int flags) {
        OpenFile& self = of(opened);
        const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
        const auto first = static_cast<std::size_t>(offset);
        const auto end = first + static_cast<std::size_t>(count);
        if ((flags & SQLITE_SHM_UNLOCK) != 0) {
            for (std::size_t slot = first; slot < end; ++slot) unlock_slot(self, slot);
            return SQLITE_OK;
        }
        for (std::size_t slot = first; slot < end; ++slot) {
            if (!may_lock(self, slot, exclusive)) return SQLITE_BUSY;
        }
        for (std::size_t slot = first; slot < end; ++slot) lock_slot(self, slot, exclusive);
        return SQLITE_OK;
    }

    static bool may_lock(const OpenFile& self, std::size_t slot, bool exclusive) {
        const File& file = *self.file;
        const OpenFile* holder = file.shm_exclusive.at(slot);
        if (holder != nullptr && holder != &self) return false;
        const int own = (self.shm_shared >> slot & 1U) != 0 ? 1 : 0;
        return !exclusive || file.shm_shared.at(slot) == own;
    }
    static void lock_slot(OpenFile& self, std::size_t slot, bool exclusive) {
        if (exclusive) {
            self.file->shm_exclusive.at(slot) = &self;
            self.shm_exclusive |= 1U << slot;
        } else if ((self.shm_shared >> slot & 1U) == 0) {
            ++self.file->shm_shared.at(slot);
            self.shm_shared |= 1U << slot;
        }
    }
    static void unlock_slot(OpenFile& self, std::size_t slot) {
        if ((self.shm_exclusive >> slot & 1U) != 0) self.file->shm_exclusive.at(slot) = nullptr;
        if ((self.shm_shared >> slot & 1U) != 0) --self.file->shm_shared.at(slot);
        self.shm_exclusive &= ~(1U << slot);
        self.shm_shared &= ~(1U << slot);
    }
    static void release_shm(OpenFile& self) {
        for (std::size_t slot = 0; slot < kShmLocks; ++slot) unlock_slot(self, slot);
    }

    static void shm_barrier(sqlite3_file* /*opened*/) {
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }

    static int shm_unmap(sqlite3_file* opened, int deletes) {
        OpenFile& self = of(opened);
        release_shm(self);
        if (deletes != 0) self.file->shm.clear();
        return SQLITE_OK;
    }

    static const sqlite3_io_methods kFile;

    static RamDisk& disk(sqlite3_vfs* vfs) { return *static_cast<RamDisk*>(vfs->pAppData); }

    static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* into, int flags,
                    int* out_flags) {
        RamDisk& self = disk(vfs);
        into->pMethods = nullptr;
        const std::string name =
            path != nullptr ? path : "temporary-" + std::to_string(self.open_ + 1);
        FilePtr& file = self.files_[name];
        if (!file) {
            file = std::make_shared<File>();
            file->path = name;
        }
        auto* const opened = new (into) OpenFile();
        opened->pMethods = &kFile;
        opened->disk = &self;
        opened->file = file;
        opened->deletes_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
        ++self.open_;
        if (out_flags != nullptr) *out_flags = flags;
        return SQLITE_OK;
    }

    static int remove(sqlite3_vfs* vfs, const char* path, int /*syncs_folder*/) {
        RamDisk& self = disk(vfs);
        if (self.cut_) return SQLITE_OK;
        const FilePtr file = self.find(path);
        if (!file) return SQLITE_IOERR_DELETE_NOENT;
        note(self, *file, {.kind = DiskStep::Kind::kRemove});
        self.files_.erase(path);
        return SQLITE_OK;
    }

    static int access(sqlite3_vfs* vfs, const char* path, int /*flags*/, int* result) {
        const FilePtr file = disk(vfs).find(path);
        *result = file && !file->contents.empty() ? 1 : 0;
        return SQLITE_OK;
    }

    static int full_path(sqlite3_vfs* /*vfs*/, const char* path, int size, char* into) {
        sqlite3_snprintf(size, into, "%s", path);
        return SQLITE_OK;
    }

    /// Nothing that decides anything hangs on it.
    static int randomness(sqlite3_vfs* /*vfs*/, int size, char* into) {
        for (int i = 0; i < size; ++i) into[i] = static_cast<char>(i * 37 + 11);
        return size;
    }

    static int sleep(sqlite3_vfs* /*vfs*/, int microseconds) { return microseconds; }

    static int last_error(sqlite3_vfs* /*vfs*/, int /*size*/, char* /*into*/) { return 0; }

    static int time(sqlite3_vfs* /*vfs*/, sqlite3_int64* now) {
        *now = 213'000'000'000'000;  // some day: no statement of ours asks for it
        return SQLITE_OK;
    }
};

const sqlite3_io_methods RamDisk::Methods::kFile{
    .iVersion = 2,
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = size,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = check_reserved,
    .xFileControl = control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

RamDisk::RamDisk() : vfs_(std::make_unique<sqlite3_vfs>()) {
    vfs_->iVersion = 2;
    vfs_->szOsFile = sizeof(OpenFile);
    vfs_->mxPathname = 1024;
    vfs_->zName = "herald-ram-disk";
    vfs_->pAppData = this;
    vfs_->xOpen = Methods::open;
    vfs_->xDelete = Methods::remove;
    vfs_->xAccess = Methods::access;
    vfs_->xFullPathname = Methods::full_path;
    vfs_->xRandomness = Methods::randomness;
    vfs_->xSleep = Methods::sleep;
    vfs_->xGetLastError = Methods::last_error;
    vfs_->xCurrentTimeInt64 = Methods::time;
    sqlite3_vfs_register(vfs_.get(), 1);
}

RamDisk::~RamDisk() {
    sqlite3_vfs_unregister(vfs_.get());
}

RamDisk::FilePtr RamDisk::find(const std::string& path) const {
    const auto found = files_.find(path);
    return found == files_.end() ? nullptr : found->second;
}

RamDisk::Image RamDisk::image() const {
    Image image;
    for (const auto& [path, file] : files_) image[path] = file->contents;
    return image;
}

void RamDisk::load(const Image& image) {
    files_.clear();
    for (const auto& [path, contents] : image) {
        const auto file = std::make_shared<File>();
        file->path = path;
        file->contents = contents;
        file->on_disk = DiskFile(contents);
        files_[path] = file;
    }
}

void RamDisk::cut() {
    cut_ = true;
}

void RamDisk::revive(core::Random* power) {
    cut_ = false;
    for (auto& [path, file] : files_) {
        file->forget_processes();
        if (power == nullptr) continue;
        file->contents = file->on_disk.after_power_loss(*power);
        file->on_disk = DiskFile(file->contents);
    }
}

}  // namespace herald::simulation
