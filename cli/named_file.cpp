#include "cli/named_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/byte_order_mark.h"
#include "core/secret.h"

namespace herald::cli {
namespace {

core::Error cannot(std::string_view doing, const std::string& path, std::string_view option) {
    return core::invalid_argument(
        option, "cannot " + std::string(doing) + " '" + path + "': " + std::strerror(errno));
}

core::Result<std::string> read_all(int descriptor, std::size_t limit, std::string_view option) {
    std::string text;
    std::array<char, 16 * 1024> buffer{};
    for (;;) {
        const auto got = ::read(descriptor, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return core::invalid_argument(option,
                                          std::string("cannot read: ") + std::strerror(errno));
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > limit) {
            core::wipe(text);
            return core::invalid_argument(option,
                                          "larger than " + std::to_string(limit / 1024) + " KiB");
        }
    }
}

bool is_utf16(std::string_view text) {
    return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
}

}  // namespace

core::Result<NamedFile> open_named(const std::string& path, std::string_view option) {
    NamedFile file;
    file.descriptor =
        storage::FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file.descriptor) return cannot("open", path, option);
    if (::fstat(file.descriptor.get(), &file.status) != 0) return cannot("look at", path, option);
    if (S_ISDIR(file.status.st_mode))
        return core::invalid_argument(option, "'" + path + "' is a directory");
    return file;
}

core::Result<NamedText> read_named(int descriptor, std::size_t limit, std::string_view option) {
    auto text = read_all(descriptor, limit, option);
    if (!text) return text.error();
    if (is_utf16(*text)) {
        core::wipe(*text);
        return core::invalid_argument(option, "the text is UTF-16; save it as UTF-8");
    }
    NamedText named;
    named.had_byte_order_mark = core::without_byte_order_mark(*text).size() < text->size();
    // Moved within the same bytes: no second copy of what may be a secret.
    if (named.had_byte_order_mark) text->erase(0, 3);
    named.text = std::move(*text);
    return named;
}

}  // namespace herald::cli
