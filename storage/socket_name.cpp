#include "storage/socket_name.h"

#include <fcntl.h>
#include <sys/un.h>

#include <cerrno>

namespace herald::storage {
namespace {

constexpr std::size_t kMaxBytes = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace

core::Result<SocketName> SocketName::of(const std::filesystem::path& socket) {
    SocketName name;
    name.text_ = socket.string();
    if (name.text_.size() <= kMaxBytes) return name;
    auto folder = socket.parent_path();
    if (folder.empty()) folder = ".";
    name.folder_ = FileDescriptor(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!name.folder_) return system_error("open the socket's folder", folder, errno);
    name.text_ =
        "/proc/self/fd/" + std::to_string(name.folder_.get()) + "/" + socket.filename().string();
    if (name.text_.size() <= kMaxBytes) return name;
    core::Error error{.kind = core::ErrorKind::kStorage, .code = "storage_error", .message = {}};
    error.message = "the socket's name " + socket.filename().string() + " has " +
                    std::to_string(socket.filename().string().size()) +
                    " bytes, too many for a Unix socket; give the database a shorter name";
    return error;
}

}  // namespace herald::storage
