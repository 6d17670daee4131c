#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "core/error.h"
#include "storage/file_descriptor.h"

/// The one way in which a file that the user named is opened and read, be it a secret, data, a
/// template, a certificate, an import or the configuration. Errors are invalid_argument naming
/// `option`, and never hold a byte of the content.
namespace herald::cli {

struct NamedFile {
    storage::FileDescriptor descriptor;
    struct stat status{};
};

/// Follows symbolic links; a folder is refused, a pipe is not.
[[nodiscard]] core::Result<NamedFile> open_named(const std::string& path, std::string_view option);

struct NamedText {
    std::string text;
    bool had_byte_order_mark = false;  ///< `text` is without it
};

/// All of it, at most `limit` bytes; one more is an error. UTF-16 text, as some shells write it, is
/// refused with the remedy.
[[nodiscard]] core::Result<NamedText> read_named(int descriptor, std::size_t limit,
                                                 std::string_view option);

}  // namespace herald::cli
