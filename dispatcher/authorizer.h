#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "providers/access_token.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// Adds the notification's authentication to a request. `token` is set where it is OAuth 2.0.
void authorize(http::Request& request, const storage::Authentication& auth,
               const providers::AccessToken* token);

/// Takes every credential that was sent out of text that a receiver sent back, in the spellings an
/// echo would have: ours, and an Authorization header of the notification's own.
[[nodiscard]] std::string mask_credentials(std::string_view text,
                                           const storage::NotificationRecord& notification,
                                           const providers::AccessToken* token);

}  // namespace herald::dispatcher
