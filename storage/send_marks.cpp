#include "storage/send_marks.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <string_view>

#include "core/clock.h"
#include "storage/beside_database.h"
#include "storage/file_descriptor.h"

namespace herald::storage {
namespace {

constexpr std::string_view kMagic = "herald-send-marks-1";
constexpr std::size_t kHeaderBytes = 4096;
constexpr std::uint32_t kSlots = 256 * 1024;
constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kFileBytes = kHeaderBytes + std::size_t{kSlots} * kIdBytes;

/// What the first page says. Written before the file is of any use, then constant but for
/// `overflowed`.
struct Header {
    std::array<char, 32> magic{};
    std::array<char, 128> boot{};
    std::int64_t lease = 0;
    std::atomic<std::uint32_t> overflowed{0};  ///< there were more than the slots could hold
};
static_assert(sizeof(Header) <= kHeaderBytes && std::atomic<std::uint32_t>::is_always_lock_free);

template <std::size_t N>
void put(std::array<char, N>& field, std::string_view text) {
    std::copy_n(text.data(), std::min(text.size(), N - 1), field.data());
}

}  // namespace

class SendMarks::File final {
public:
    File(void* memory, Header* header) : memory_(memory), header_(header) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { ::munmap(memory_, kFileBytes); }

    /// Null where it cannot be mapped; the file has its full size.
    static std::unique_ptr<File> map(const FileDescriptor& descriptor) {
        void* const memory =
            ::mmap(nullptr, kFileBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
        if (memory == MAP_FAILED) return nullptr;
        return std::make_unique<File>(memory, static_cast<Header*>(memory));
    }

    /// Its blocks are reserved: a full disk must not end the process at a write into memory.
    static std::unique_ptr<File> create(const std::filesystem::path& path, const std::string& boot,
                                        std::int64_t lease) {
        if (boot.empty()) return nullptr;
        ::unlink(path.c_str());
        const FileDescriptor descriptor = create_private_file(path);
        // It is named after the database.
        const auto database = std::filesystem::path(path).replace_extension();
        if (!descriptor || !give_to_owner_of(database, descriptor.get(), path) ||
            ::fallocate(descriptor.get(), 0, 0, kFileBytes) != 0) {
            ::unlink(path.c_str());
            return nullptr;
        }
        auto file = map(descriptor);
        if (!file) return nullptr;
        file->header_->lease = lease;
        put(file->header_->boot, boot);
        put(file->header_->magic, kMagic);
        return file;
    }

    /// Null where it is of another boot or lease, or more was sent than it could hold.
    static std::unique_ptr<File> open(const std::filesystem::path& path, const std::string& boot,
                                      std::int64_t lease) {
        const FileDescriptor descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
        if (!descriptor || ::lseek(descriptor.get(), 0, SEEK_END) != off_t{kFileBytes})
            return nullptr;
        auto file = map(descriptor);
        if (!file) return nullptr;
        const Header& header = *file->header_;
        const bool ours = header.magic.data() == kMagic && header.boot.back() == '\0' &&
                          header.boot.data() == boot && header.lease == lease;
        return ours && header.overflowed == 0 ? std::move(file) : nullptr;
    }

    void write(std::uint32_t slot, const core::CalloutId& id) {
        std::memcpy(at(slot), id.bytes.data(), kIdBytes);
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    void clear(std::uint32_t slot) { std::memset(at(slot), 0, kIdBytes); }
    void note_overflow() { header_->overflowed = 1; }
    [[nodiscard]] core::CalloutId read(std::uint32_t slot) const {
        core::CalloutId id;
        std::memcpy(id.bytes.data(), at(slot), kIdBytes);
        return id;
    }

private:
    [[nodiscard]] std::uint8_t* at(std::uint32_t slot) const {
        return static_cast<std::uint8_t*>(memory_) + kHeaderBytes + std::size_t{slot} * kIdBytes;
    }

    void* const memory_;
    Header* const header_;
};

SendMarks::SendMarks(std::filesystem::path file, std::string boot)
    : path_(std::move(file)), boot_(std::move(boot)) {}

SendMarks::~SendMarks() = default;

void SendMarks::read_former(std::int64_t lease) {
    const std::scoped_lock lock(mutex_);
    const auto former = File::open(path_, boot_, lease);
    complete_ = former != nullptr;
    if (!former) return;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        const core::CalloutId id = former->read(slot);
        if (id != core::CalloutId()) marks_.emplace(id, Mark{});
    }
}

void SendMarks::start(std::int64_t lease) {
    const std::scoped_lock lock(mutex_);
    marks_.clear();
    withdrawn_.clear();
    complete_ = true;
    file_.reset();
    free_slots_.clear();
    file_ = File::create(path_, boot_, lease);
    if (!file_) return;
    free_slots_.reserve(kSlots);
    // The lowest come first and are used again at once, so that few pages are ever written.
    for (std::uint32_t slot = kSlots; slot > 0; --slot) free_slots_.push_back(slot - 1);
}

void SendMarks::remove_file() {
    const std::scoped_lock lock(mutex_);
    if (!file_ || !marks_.empty()) return;
    file_.reset();
    free_slots_.clear();
    ::unlink(path_.c_str());
}

SendMarks::Begin SendMarks::begin(const core::CalloutId& id,
                                  const core::NotificationId& notification) {
    const std::scoped_lock lock(mutex_);
    if (!withdrawn_.empty() && withdrawn_.erase(id) > 0) return Begin::kCancelled;
    const auto [mark, added] =
        marks_.try_emplace(id, Mark{.notification = notification, .slot = {}});
    if (!added) return Begin::kTwice;
    if (!file_) return Begin::kMarked;
    if (free_slots_.empty()) {
        file_->note_overflow();
        return Begin::kMarked;
    }
    mark->second.slot = free_slots_.back();
    free_slots_.pop_back();
    file_->write(*mark->second.slot, id);
    return Begin::kMarked;
}

void SendMarks::end(std::span<const core::CalloutId> ids) {
    if (ids.empty()) return;
    const std::scoped_lock lock(mutex_);
    for (const core::CalloutId& id : ids) take_away(id);
}

void SendMarks::take_away(const core::CalloutId& id) {
    if (!withdrawn_.empty()) withdrawn_.erase(id);
    const auto found = marks_.find(id);
    if (found == marks_.end()) return;
    if (found->second.slot && file_) {
        file_->clear(*found->second.slot);
        free_slots_.push_back(*found->second.slot);
    }
    marks_.erase(found);
}

bool SendMarks::contains(const core::CalloutId& id) const {
    const std::scoped_lock lock(mutex_);
    return !complete_ || marks_.contains(id);
}

bool SendMarks::withdraw(const core::CalloutId& id) {
    const std::scoped_lock lock(mutex_);
    if (!complete_ || marks_.contains(id)) return false;
    withdrawn_.insert(id);
    return true;
}

void SendMarks::restore(const core::CalloutId& id) {
    const std::scoped_lock lock(mutex_);
    withdrawn_.erase(id);
}

bool SendMarks::complete() const {
    const std::scoped_lock lock(mutex_);
    return complete_;
}

std::vector<core::CalloutId> SendMarks::all() const {
    const std::scoped_lock lock(mutex_);
    std::vector<core::CalloutId> ids;
    ids.reserve(marks_.size());
    for (const auto& [id, mark] : marks_) ids.push_back(id);
    return ids;
}

SendMarks::Counts SendMarks::counts() const {
    const std::scoped_lock lock(mutex_);
    Counts counts;
    for (const auto& [id, mark] : marks_) ++counts[mark.notification];
    return counts;
}

}  // namespace herald::storage
