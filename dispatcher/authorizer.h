#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dispatcher/credentials.h"
#include "http/message.h"
#include "providers/show_token.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// Adds the notification's authentication to a request. `credentials` hold what it needs: the token
/// for OAuth 2.0, the cookie for a session, token and signature for single use. Errors: as
/// providers::show_token; then nothing may be sent.
[[nodiscard]] core::Result<> authorize(http::Request& request, const storage::Authentication& auth,
                                       const Credentials& credentials,
                                       const providers::ShowInput& input);

/// Takes every credential that was sent out of text that a receiver sent back, in the spellings an
/// echo would have: ours, and an Authorization header of the notification's own.
[[nodiscard]] std::string mask_credentials(std::string_view text,
                                           const storage::NotificationRecord& notification,
                                           const Credentials& credentials);

}  // namespace herald::dispatcher
