#pragma once

#include "core/masking.h"
#include "http/message.h"
#include "providers/settings.h"
#include "storage/records.h"

namespace herald::providers {

/// The credentials that a provider's record holds, in the forms in which they are sent.
[[nodiscard]] core::Masking credentials_of(const storage::ProviderRecord& record,
                                           const ProviderSettings& settings);

/// The credentials that a request to the authorization server carries: the value of every header,
/// form field, JSON member and query field but of those that are known to be public and those that
/// the operator gave in the clear.
[[nodiscard]] core::Masking credentials_of(const http::Request& request,
                                           const storage::ProviderRecord& record,
                                           const ProviderSettings& settings);

/// What the answer to a request is masked by: `known`, and the credentials of the request and of
/// the record that it was made of.
[[nodiscard]] core::Masking masking_of(core::Masking known, const http::Request& request,
                                       const storage::ProviderRecord& record,
                                       const ProviderSettings& settings);

}  // namespace herald::providers
