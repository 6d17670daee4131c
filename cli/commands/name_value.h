#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

/// The `NAME=VALUE` and `Name: value` forms of options.
namespace herald::cli {

/// Pairs [name, value] in order, repeated names kept. `separator` is the first one of the text.
[[nodiscard]] core::Result<boost::json::array> pairs_of(const std::vector<std::string>& texts,
                                                        char separator, std::string_view option);

/// Settings `KEY=VALUE`: a JSON number, `true`, `false`, `null`, object, array or quoted string is
/// that, everything else is a string. `null` takes a setting away.
[[nodiscard]] core::Result<boost::json::object> settings_of(const std::vector<std::string>& texts,
                                                            std::string_view option);

}  // namespace herald::cli
