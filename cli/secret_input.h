#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/secret.h"

namespace herald::cli {

/// Longest secret accepted.
inline constexpr std::size_t kMaxSecretBytes = 64 * 1024;

/// Reads secrets from files and standard input, never from arguments (S-19).
///
/// `-` is standard input, prompted without echo where that is a terminal; only one option of a
/// command may take it. Exactly one trailing newline (or CRLF) is stripped, and a byte order mark
/// before it. Errors are invalid_argument and never hold a byte of the secret.
class SecretInput final {
public:
    /// `warn` hears about a regular file that others can read or write, or that belongs to somebody
    /// else, and about a byte order mark.
    explicit SecretInput(std::function<void(const std::string&)> warn, int standard_input = 0)
        : warn_(std::move(warn)), standard_input_(standard_input) {}

    /// `option` is the flag as typed, for messages and the prompt.
    [[nodiscard]] core::Result<core::Secret> read(const std::string& source,
                                                  std::string_view option);
    /// For options other than secrets that read standard input: an error where somebody did
    /// already.
    [[nodiscard]] core::Result<> claim_standard_input(std::string_view option);

private:
    [[nodiscard]] core::Result<core::Secret> read_file(const std::string& path,
                                                       std::string_view option);
    [[nodiscard]] core::Result<core::Secret> read_descriptor(int descriptor,
                                                             std::string_view option);

    std::function<void(const std::string&)> warn_;
    int standard_input_;
    std::string claimed_by_;
};

}  // namespace herald::cli
