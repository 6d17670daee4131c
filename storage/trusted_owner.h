#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.h"

namespace herald::storage {

/// Whether `owner` may stand behind what we use because of its path: ourselves and root.
///
/// Root also trusts whoever owns the file, where only that one and root can write in its folder: a
/// service's database may be administered by root.
[[nodiscard]] bool is_trusted_owner(uid_t owner, const std::filesystem::path& path);

/// For a file or a socket that decides something by standing at `path`: its owner as above, and
/// nobody else may write it. `what` names it: "the lock file". Error: `not_trusted`.
[[nodiscard]] core::Result<> check_trusted(const struct stat& status, std::string_view what,
                                           const std::filesystem::path& path);

/// For a folder in which files are made or looked for: only those above can put or replace files
/// there. A sticky one, as /tmp is, keeps what is there from others. Error: `not_trusted`.
[[nodiscard]] core::Result<> check_trusted_folder(const std::filesystem::path& folder);

/// "you", "root" or "uid 1001".
[[nodiscard]] std::string owner_text(uid_t owner);

/// `not_trusted` with this text.
[[nodiscard]] core::Error not_trusted(std::string message);

}  // namespace herald::storage
