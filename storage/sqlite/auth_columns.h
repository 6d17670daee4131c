#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/secret.h"
#include "storage/records.h"

namespace herald::storage::sqlite {

/// A notification's authentication as its columns hold it.
struct AuthColumns {
    std::size_t kind = 0;  ///< the position in the variant
    std::optional<std::string> name = std::nullopt;
    bool has_secret = false;  ///< whether this kind has one
    /// Of a key pair: a JSON array of both. Empty where it is empty, as after a read that failed.
    std::optional<core::Secret> secret = std::nullopt;
    std::string options = "{}";  ///< JSON
};
inline constexpr std::size_t kOauthKind = 3;

[[nodiscard]] AuthColumns columns_of(const Authentication& auth);
/// All kinds but OAuth 2.0, which needs its provider. Text that does not fit throws Refusal.
[[nodiscard]] Authentication authentication_of(AuthColumns columns);

}  // namespace herald::storage::sqlite
