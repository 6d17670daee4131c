#pragma once

#include <optional>
#include <string>

#include "storage/sqlite/write_session.h"

namespace herald::storage::sqlite {

/// Where a walk over all sealed values goes on.
struct ResealCursor {
    std::size_t column = 0;
    std::string row = {};  ///< the last one that was looked at
};

struct Resealed {
    std::int64_t count = 0;
    std::optional<ResealCursor> next = std::nullopt;  ///< empty: that was the last step
};

/// Seals up to a few dozen values again that are not under the key ring's newest key. Interrupted
/// anywhere, a new walk goes on where it was. One that does not open stays as it is: no key would
/// open it. Throws Failure.
[[nodiscard]] Resealed reseal_some(WriteSession& session, const ResealCursor& from);

}  // namespace herald::storage::sqlite
