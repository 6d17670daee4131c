#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "storage/callout_queue.h"

namespace herald::storage::sqlite {

/// What an operation takes of a transaction, as far as it can be told beforehand.
struct Cost {
    std::size_t rows = 1;
    std::size_t bytes = 0;  ///< to be written, and held in memory until then
};

[[nodiscard]] inline std::size_t text_bytes(const std::optional<std::string>& text) {
    return text ? text->size() : 0;
}

[[nodiscard]] inline Cost cost_of(const NewEvent& added) {
    constexpr std::size_t kBytesOfCallout = 256;
    return {.rows = 1 + added.callouts.size(),
            .bytes = added.event->data.size() + added.callouts.size() * kBytesOfCallout};
}

[[nodiscard]] inline Cost cost_of(const std::vector<AttemptRecord>& attempts) {
    Cost cost{.rows = 1 + attempts.size(), .bytes = 0};
    for (const AttemptRecord& attempt : attempts)
        cost.bytes += attempt.response_excerpt.size() + text_bytes(attempt.error);
    return cost;
}

}  // namespace herald::storage::sqlite
