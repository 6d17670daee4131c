#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/secret_input.h"
#include "core/error.h"

/// The `NAME=VALUE` and `Name: value` forms of options.
namespace herald::cli {

/// Pairs [name, value] in order, repeated names kept. `separator` is the first one of the text.
[[nodiscard]] core::Result<boost::json::array> pairs_of(const std::vector<std::string>& texts,
                                                        char separator, std::string_view option);

/// `NAME=@FILE` as the members of an object whose values are secrets; `@-` is standard input, and
/// nothing behind the `=` takes the name away (null). The caller wipes the text.
[[nodiscard]] core::Result<std::string> secret_fields_of(const std::vector<std::string>& texts,
                                                         std::string_view option,
                                                         SecretInput& secrets);

/// The fields of a URL's query as such pairs, not decoded.
[[nodiscard]] boost::json::array query_pairs_of(std::string_view url);

/// What to say of names in `pairs` that look like credentials: their values are kept in the clear,
/// and `option` would seal them. Values with merge fields are none.
[[nodiscard]] std::vector<std::string> warnings_of(const boost::json::array& pairs,
                                                   std::string_view what, std::string_view option);

/// Settings `KEY=VALUE`: a JSON number, `true`, `false`, `null`, object, array or quoted string is
/// that, everything else is a string. `null` takes a setting away.
[[nodiscard]] core::Result<boost::json::object> settings_of(const std::vector<std::string>& texts,
                                                            std::string_view option);

}  // namespace herald::cli
