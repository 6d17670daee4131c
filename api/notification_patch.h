#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>

#include "api/provider_patch.h"
#include "core/error.h"
#include "core/id.h"
#include "storage/records.h"

namespace herald::api {

/// The provider that `auth` of a request names, if it does; the caller looks its id up before
/// patching.
[[nodiscard]] core::Result<std::optional<std::string>> wanted_provider(
    const boost::json::object& request);

/// Applies a request object to `record`: the same members as notification_json. Pure and
/// repeatable.
///
/// `provider` is the id of `wanted_provider`. A secret of `auth` that is not given stays while its
/// kind does. Rules between members are dispatcher::validate's.
[[nodiscard]] core::Result<> patch_notification(PatchKind kind, const boost::json::object& request,
                                                const std::optional<core::ProviderId>& provider,
                                                storage::NotificationRecord& record);

}  // namespace herald::api
