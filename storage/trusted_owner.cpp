#include "storage/trusted_owner.h"

#include <unistd.h>

#include <cerrno>

#include "storage/file_descriptor.h"

namespace herald::storage {
namespace {

constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;

bool writes_folder_alone(uid_t owner, const std::filesystem::path& path) {
    const auto parent = path.parent_path();
    struct stat folder{};
    if (::stat(parent.empty() ? "." : parent.c_str(), &folder) != 0) return false;
    return (folder.st_uid == owner || folder.st_uid == 0) && (folder.st_mode & kOthersWrite) == 0;
}

}  // namespace

bool is_trusted_owner(uid_t owner, const std::filesystem::path& path) {
    const uid_t self = ::geteuid();
    if (owner == self || owner == 0) return true;
    return self == 0 && writes_folder_alone(owner, path);
}

core::Result<> check_trusted(const struct stat& status, std::string_view what,
                             const std::filesystem::path& path) {
    const std::string thing = std::string(what) + " " + path.string();
    if (!is_trusted_owner(status.st_uid, path)) {
        return not_trusted(thing + " belongs to " + owner_text(status.st_uid) +
                           ", neither to you nor to root: another user may have put it there; "
                           "run herald as that user, or remove it and keep it in a folder that "
                           "only you can write");
    }
    if ((status.st_mode & kOthersWrite) != 0)
        return not_trusted(thing + " can be written by others; chmod go-w it");
    return {};
}

core::Result<> check_trusted_folder(const std::filesystem::path& folder) {
    struct stat status{};
    if (::stat(folder.c_str(), &status) != 0) return system_error("look at folder", folder, errno);
    if (!is_trusted_owner(status.st_uid, folder / "file")) {
        return not_trusted("the folder " + folder.string() + " belongs to " +
                           owner_text(status.st_uid) +
                           ", who can replace files in it; use a folder of your own");
    }
    if ((status.st_mode & kOthersWrite) != 0 && (status.st_mode & S_ISVTX) == 0) {
        return not_trusted("others can replace files in the folder " + folder.string() +
                           "; chmod go-w it");
    }
    return {};
}

std::string owner_text(uid_t owner) {
    if (owner == ::geteuid()) return "you";
    if (owner == 0) return "root";
    return "uid " + std::to_string(owner);
}

core::Error not_trusted(std::string message) {
    return {
        .kind = core::ErrorKind::kStorage, .code = "not_trusted", .message = std::move(message)};
}

}  // namespace herald::storage
