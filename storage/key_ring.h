#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/secret.h"

namespace herald::storage {

/// The 256-bit master keys: the newest seals, all of them open. Kept in a file beside, never in,
/// the database.
///
/// File: a line `herald-key-ring 1`, then one line `<id> <base64 of 32 bytes>` a key; mode 0600.
/// Immutable once loaded, so it may be shared between threads.
class KeyRing final {
public:
    /// Refused (kStorage, `key_mismatch` or `storage_error`) when absent, malformed, or open to
    /// group or others.
    [[nodiscard]] static core::Result<KeyRing> load(const std::filesystem::path& path);
    /// Writes a new ring with one key, 0600, synced; it belongs to the owner of `database` where
    /// that exists. Refuses to replace a file.
    [[nodiscard]] static core::Result<KeyRing> create(const std::filesystem::path& path,
                                                      const std::filesystem::path& database = {});
    /// Adds a key and makes it the newest: a synced temporary file, then rename. The owner stays.
    [[nodiscard]] core::Result<KeyRing> rotated(const std::filesystem::path& path) const;
    /// Removes every key but the newest, after everything is resealed.
    [[nodiscard]] core::Result<KeyRing> pruned(const std::filesystem::path& path) const;

    [[nodiscard]] std::uint32_t newest() const { return keys_.rbegin()->first; }
    [[nodiscard]] std::vector<std::uint32_t> ids() const;
    /// Null where there is no such key.
    [[nodiscard]] const core::Secret* key(std::uint32_t id) const;

private:
    std::map<std::uint32_t, core::Secret> keys_;
};

/// Names the place a sealed value belongs to; it opens nowhere else.
struct SealedPlace {
    std::string_view table;
    std::string_view row;  ///< the row's id bytes
    std::string_view column;
};

/// What every value begins with that is sealed under that key.
[[nodiscard]] std::string sealed_prefix(std::uint32_t key_id);
/// AES-256-GCM: `key id (4) | nonce (12) | ciphertext | tag (16)`, the place as associated data.
[[nodiscard]] std::string seal(const KeyRing& ring, const SealedPlace& place,
                               std::string_view plain);
/// `key_mismatch` where the key is unknown, the place is another, or a bit is wrong.
[[nodiscard]] core::Result<core::Secret> open_sealed(const KeyRing& ring, const SealedPlace& place,
                                                     std::string_view sealed);

}  // namespace herald::storage
