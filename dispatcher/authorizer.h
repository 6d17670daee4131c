#pragma once

#include "core/masking.h"
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

/// The credentials that a notification itself holds, in the forms in which they are sent: of its
/// authentication, its signing secret, its sealed fields, and what stands in the clear under a name
/// that says so, in headers, parameters and the URL's query.
[[nodiscard]] core::Masking credentials_of(const storage::NotificationRecord& notification);
/// Adds what was fetched for one request.
void add_credentials(core::Masking& masking, const Credentials& credentials);

}  // namespace herald::dispatcher
