#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/id.h"
#include "core/secret.h"
#include "storage/key_ring.h"
#include "storage/sqlite/connection.h"

namespace herald::storage::sqlite {

/// The bytes of an id, as they stand in its column.
[[nodiscard]] inline std::string_view raw(const core::IdBytes& id) {
    return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

[[nodiscard]] inline std::optional<Blob> blob(const std::optional<std::string>& bytes) {
    if (!bytes) return std::nullopt;
    return Blob{*bytes};
}

/// Empty stays empty.
[[nodiscard]] inline std::optional<std::string> sealed(const KeyRing& ring,
                                                       const SealedPlace& place,
                                                       const std::optional<core::Secret>& secret) {
    if (!secret) return std::nullopt;
    return seal(ring, place, secret->reveal());
}

/// Throws Refusal (`key_mismatch`) where it does not open.
[[nodiscard]] inline std::optional<core::Secret> opened(
    const KeyRing& ring, const SealedPlace& place, const std::optional<std::string_view>& value) {
    if (!value) return std::nullopt;
    auto secret = open_sealed(ring, place, *value);
    if (!secret) throw Refusal(secret.error());
    return std::move(*secret);
}

}  // namespace herald::storage::sqlite
