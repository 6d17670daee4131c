#pragma once

#include <boost/json/object.hpp>

#include "core/error.h"
#include "providers/kind.h"
#include "providers/settings.h"

namespace herald::providers {

/// Fills what is still open in `given`: from the record, its issuer's metadata, its kind's
/// templates, in this order. With tls_client_auth the metadata's mtls_endpoint_aliases go first
/// (RFC 8705 section 5). Errors: a setting that a template needs is missing or may not stand there.
[[nodiscard]] core::Result<Endpoints> resolve_endpoints(const storage::ProviderRecord& record,
                                                        const Kind& kind,
                                                        const boost::json::object& settings,
                                                        Endpoints given);

/// What the record's issuer told (RFC 8414); null where nothing is known, or only what another
/// issuer told: that is never used. There is no other way to the metadata.
[[nodiscard]] const boost::json::object* metadata_of(const storage::ProviderRecord& record);

/// Whether the client shows a certificate when it connects.
[[nodiscard]] bool authenticates_by_tls(const storage::ProviderRecord& record);

}  // namespace herald::providers
