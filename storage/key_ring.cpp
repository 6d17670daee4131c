#include "storage/key_ring.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "core/byte_order_mark.h"
#include "core/encoding.h"
#include "storage/beside_database.h"
#include "storage/file_descriptor.h"
#include "storage/trusted_owner.h"

namespace herald::storage {
namespace {

constexpr std::string_view kHeader = "herald-key-ring 1";
constexpr std::size_t kKeySize = 32;
constexpr std::size_t kMaxFileSize = 64UL * 1024;
constexpr mode_t kAccessByOthers = S_IRWXG | S_IRWXO;

using Keys = std::map<std::uint32_t, core::Secret>;

core::Error refused_ring(const std::filesystem::path& path, std::string_view why) {
    core::Error error{.kind = core::ErrorKind::kStorage, .code = "key_mismatch", .message = {}};
    error.message.append("read key ring ").append(path.string()).append(": ").append(why);
    return error;
}

core::Secret random_key() {
    std::string bytes(kKeySize, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(kKeySize)) !=
        1) {
        throw std::runtime_error("the system yields no random bytes for a key");
    }
    return core::Secret::take(std::move(bytes));
}

core::Result<std::string> read_protected(const std::filesystem::path& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file && errno == ENOENT) {
        return refused_ring(path,
                            "there is none; restore it, the database opens with no other key");
    }
    if (!file) return system_error("read key ring", path, errno);
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return system_error("read key ring", path, errno);
    if (!S_ISREG(status.st_mode)) return refused_ring(path, "it is no regular file");
    if ((status.st_mode & kAccessByOthers) != 0) {
        core::Error open_to_others =
            refused_ring(path, "group or others may read it; chmod 600 it");
        open_to_others.code = "storage_error";
        return open_to_others;
    }
    if (auto trusted = check_trusted(status, "the key ring", path); !trusted)
        return trusted.error();
    if (static_cast<std::size_t>(status.st_size) > kMaxFileSize)
        return refused_ring(path, "it is too large");
    std::string content(static_cast<std::size_t>(status.st_size), '\0');
    const ssize_t size = ::pread(file.get(), content.data(), content.size(), 0);
    if (size != status.st_size) return system_error("read key ring", path, errno);
    return content;
}

/// One line `<id> <base64 of 32 bytes>`; false where it is anything else.
bool add_line(Keys& keys, std::string_view line) {
    std::uint32_t id = 0;
    const auto [rest, failure] = std::from_chars(line.data(), line.data() + line.size(), id);
    if (failure != std::errc() || id == 0) return false;
    line.remove_prefix(static_cast<std::size_t>(rest - line.data()));
    if (!line.starts_with(' ')) return false;
    auto key = core::base64_decode(line.substr(1));
    if (!key) return false;
    auto secret = core::Secret::take(std::move(*key));
    return secret.reveal().size() == kKeySize && keys.emplace(id, std::move(secret)).second;
}

std::optional<Keys> parse(std::string_view content) {
    Keys keys;
    content = core::without_byte_order_mark(content);
    bool header_seen = false;
    while (!content.empty()) {
        const auto end = content.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        const auto line = content.substr(0, end);
        content.remove_prefix(end + 1);
        const bool good = header_seen ? add_line(keys, line) : line == kHeader;
        if (!good) return std::nullopt;
        header_seen = true;
    }
    if (keys.empty()) return std::nullopt;
    return keys;
}

core::Secret format(const Keys& keys) {
    std::string text(kHeader);
    // Room for every line: no reallocation leaves a copy of a key behind.
    text.reserve(kHeader.size() + 1 + keys.size() * 64);
    text.push_back('\n');
    for (const auto& [id, key] : keys) {
        std::string encoded = core::base64_encode(key.reveal());
        text.append(std::to_string(id)).append(" ").append(encoded).append("\n");
        core::wipe(encoded);
    }
    return core::Secret::take(std::move(text));
}

/// It belongs to the owner of `like`.
core::Result<> write_new(const std::filesystem::path& path, const Keys& keys,
                         const std::filesystem::path& like) {
    const FileDescriptor file = create_private_file(path);
    if (!file) return system_error("create key ring", path, errno);
    auto written = give_to_owner_of(like, file.get(), path);
    if (written) written = write_synced(file.get(), path, format(keys).reveal());
    if (!written) ::unlink(path.c_str());
    return written;
}

core::Result<> replace(const std::filesystem::path& path, const Keys& keys) {
    const std::filesystem::path temporary = path.string() + ".new";
    ::unlink(temporary.c_str());
    if (auto written = write_new(temporary, keys, path); !written) return written;
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        return system_error("replace key ring", path, errno);
    }
    return sync_folder_of(path);
}

}  // namespace

core::Result<KeyRing> KeyRing::load(const std::filesystem::path& path) {
    auto content = read_protected(path);
    if (!content) return content.error();
    const auto secret = core::Secret::take(std::move(*content));
    auto keys = parse(secret.reveal());
    if (!keys) return refused_ring(path, "it is malformed; restore it from a backup");
    KeyRing ring;
    ring.keys_ = std::move(*keys);
    return ring;
}

core::Result<KeyRing> KeyRing::create(const std::filesystem::path& path,
                                      const std::filesystem::path& database) {
    KeyRing ring;
    ring.keys_.emplace(1, random_key());
    if (auto written = write_new(path, ring.keys_, database); !written) return written.error();
    if (auto synced = sync_folder_of(path); !synced) return synced.error();
    return ring;
}

core::Result<KeyRing> KeyRing::rotated(const std::filesystem::path& path) const {
    KeyRing ring;
    for (const auto& [id, key] : keys_) ring.keys_.emplace(id, key.clone());
    ring.keys_.emplace(newest() + 1, random_key());
    if (auto replaced = replace(path, ring.keys_); !replaced) return replaced.error();
    return ring;
}

core::Result<KeyRing> KeyRing::pruned(const std::filesystem::path& path) const {
    KeyRing ring;
    ring.keys_.emplace(newest(), keys_.rbegin()->second.clone());
    if (auto replaced = replace(path, ring.keys_); !replaced) return replaced.error();
    return ring;
}

std::vector<std::uint32_t> KeyRing::ids() const {
    std::vector<std::uint32_t> ids;
    for (const auto& [id, key] : keys_) ids.push_back(id);
    return ids;
}

const core::Secret* KeyRing::key(std::uint32_t id) const {
    const auto found = keys_.find(id);
    return found == keys_.end() ? nullptr : &found->second;
}

}  // namespace herald::storage
