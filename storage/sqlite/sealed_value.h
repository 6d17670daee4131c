#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// Opens the sealed columns of one row. One that does not open is as good as absent and is named:
/// the rest of the row, and every other row, can be used all the same.
class SecretReader final {
public:
    SecretReader(const KeyRing& ring, std::string_view table, std::string_view row)
        : ring_(ring), table_(table), row_(row) {}

    [[nodiscard]] std::optional<core::Secret> open(std::string_view column,
                                                   const std::optional<std::string_view>& value) {
        if (!value) return std::nullopt;
        auto secret = open_sealed(ring_, {.table = table_, .row = row_, .column = column}, *value);
        if (secret) return std::move(*secret);
        unreadable_.emplace_back(column);
        return std::nullopt;
    }
    /// The columns that did not open.
    [[nodiscard]] const std::vector<std::string>& unreadable() const { return unreadable_; }

private:
    const KeyRing& ring_;
    std::string_view table_;
    std::string_view row_;
    std::vector<std::string> unreadable_;
};

/// What a sealed column is given when its row is saved.
class SecretWriter final {
public:
    /// `unreadable`: the columns whose value did not open when the row was read.
    SecretWriter(Connection& db, const KeyRing& ring, std::string_view table,
                 const core::IdBytes& row, const std::vector<std::string>& unreadable)
        : db_(db), ring_(ring), table_(table), row_(row), unreadable_(unreadable) {}

    /// The secret, sealed; without one nothing, or the bytes that stand there where they do not
    /// open: whoever changes the rest of the row must not lose them. `stored` selects them by id.
    [[nodiscard]] std::optional<std::string> value(std::string_view column,
                                                   const std::optional<core::Secret>& secret,
                                                   Sql stored) const {
        if (secret || std::ranges::find(unreadable_, column) == unreadable_.end()) {
            return sealed(ring_, {.table = table_, .row = raw(row_), .column = column}, secret);
        }
        auto row = db_.query(stored, row_);
        if (!row.next()) return std::nullopt;
        return row.take<std::optional<std::string>>();
    }

private:
    Connection& db_;
    const KeyRing& ring_;
    std::string_view table_;
    const core::IdBytes& row_;
    const std::vector<std::string>& unreadable_;
};

}  // namespace herald::storage::sqlite
