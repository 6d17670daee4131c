#include "storage/sqlite/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/beside_database.h"
#include "storage/file_descriptor.h"

namespace herald::storage::sqlite {
namespace {

constexpr off_t kSize = 4L * 1024 * 1024;

}  // namespace

Ballast::Ballast(const std::filesystem::path& database)
    : database_(database), path_(database.string() + ".ballast") {
    usable_ = reserve();
}

bool Ballast::release() {
    if (!usable_ || released_) return false;
    released_ = true;
    return ::unlink(path_.c_str()) == 0;
}

bool Ballast::restore() {
    if (released_) released_ = !reserve();
    return !released_;
}

bool Ballast::reserve() const {
    constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    const FileDescriptor file(::open(path_.c_str(), kFlags, S_IRUSR | S_IWUSR));
    if (!file || !give_to_owner_of(database_, file.get(), path_)) return false;
    // fallocate, not posix_fallocate: the latter writes every page where the file system cannot
    // reserve.
    if (::fallocate(file.get(), 0, 0, kSize) == 0) return true;
    ::unlink(path_.c_str());
    return false;
}

}  // namespace herald::storage::sqlite
