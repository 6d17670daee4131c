#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace herald::providers {

/// The 18-character form of a Salesforce record id (Org ID, User ID): 15 characters are
/// case-sensitive, 18 carry the case of the first 15 in their last three, so they may come in any
/// case and are given back restored.
///
/// `prefix`: how it begins, `00D` for an organisation, `005` for a user. Errors are
/// invalid_argument on `field`: 15 or 18 letters and digits; the prefix; a checksum that does not
/// fit, where the message shows the corrected value.
[[nodiscard]] core::Result<std::string> normalize_salesforce_id(std::string_view id,
                                                                std::string_view prefix,
                                                                std::string_view field);

/// The three characters behind a 15-character id. REQUIRES: 15 letters and digits.
[[nodiscard]] std::string salesforce_checksum(std::string_view id15);

}  // namespace herald::providers
