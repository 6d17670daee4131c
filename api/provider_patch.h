#pragma once

#include <boost/json/object.hpp>
#include <optional>

#include "core/error.h"
#include "core/secret.h"
#include "storage/records.h"

namespace herald::api {

enum class PatchKind {
    kAdd,    ///< a new record: `name` is expected
    kEdit,   ///< everything but the name; what is absent stays
    kReset,  ///< credentials only
};

/// Applies a request object to `record`: the same members as provider_json. Pure and repeatable.
///
/// `settings` and the sealed fields are merged, a null removes one; every other member replaces.
/// `refresh_token` goes to its own place because it is kept with the token. Rules between members
/// are providers::validate's.
[[nodiscard]] core::Result<> patch_provider(PatchKind kind, const boost::json::object& request,
                                            storage::ProviderRecord& record,
                                            std::optional<core::Secret>& refresh_token);

}  // namespace herald::api
