#pragma once

#include <filesystem>
#include <string>

#include "core/error.h"
#include "storage/file_descriptor.h"

namespace herald::storage {

/// A name by which bind(2) and connect(2) reach a Unix socket, however long its path is.
///
/// sockaddr_un holds 107 bytes; a longer path is named through its folder's descriptor, so it is
/// good for as long as this lives.
class SocketName final {
public:
    /// Errors: `storage_error` where the folder cannot be opened, or the file's own name is too
    /// long (the number of bytes is told).
    [[nodiscard]] static core::Result<SocketName> of(const std::filesystem::path& socket);

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    FileDescriptor folder_;
    std::string text_;
};

}  // namespace herald::storage
