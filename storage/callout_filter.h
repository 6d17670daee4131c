#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "storage/records.h"

namespace herald::storage {

struct CalloutFilter {
    static constexpr std::size_t kLongestPage = 1000;

    std::optional<CalloutState> state = std::nullopt;
    std::optional<std::string> notification = std::nullopt;
    std::optional<core::EventId> event = std::nullopt;
    std::optional<core::StoredTime> since =
        std::nullopt;  ///< by the callout's id, that is: when it was created
    std::optional<core::CalloutId> before =
        std::nullopt;  ///< keyset cursor: newest first, strictly older than this one
    std::optional<core::CalloutId> after =
        std::nullopt;        ///< where a walk through the dead goes on; oldest first
    std::size_t limit = 50;  ///< 1 to kLongestPage
};

}  // namespace herald::storage
