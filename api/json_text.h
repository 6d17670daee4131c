#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace herald::api {

/// Text from outside as a JSON string may hold it: as it is where it is UTF-8, else escaped byte by
/// byte (S-30).
[[nodiscard]] std::string shown(std::string_view bytes);

/// RFC 3339, or null.
[[nodiscard]] boost::json::value time_json(std::optional<core::SystemTime> at);
[[nodiscard]] boost::json::value time_json(std::optional<core::StoredTime> at,
                                           const core::Clock& clock);

template <class T>
[[nodiscard]] boost::json::value or_null(const std::optional<T>& value) {
    if (!value) return nullptr;
    return boost::json::value(*value);
}

[[nodiscard]] boost::json::value text_or_null(const std::optional<std::string>& text);

}  // namespace herald::api
