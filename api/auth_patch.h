#pragma once

#include <boost/json/value.hpp>
#include <optional>

#include "core/error.h"
#include "core/id.h"
#include "storage/records.h"

namespace herald::api {

/// The `auth` object of a notification request. `provider` is set where it names one. What a
/// request does not give stays while the kind does. After an error `into` must be dropped.
[[nodiscard]] core::Result<> patch_auth(const boost::json::value& value,
                                        const std::optional<core::ProviderId>& provider,
                                        storage::Authentication& into);

}  // namespace herald::api
