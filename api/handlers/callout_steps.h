#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <unordered_map>

#include "api/services.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/id.h"
#include "storage/records.h"

namespace herald::api {

/// Why a pending callout that is due waits where its record does not say: its notification, its
/// provider or the breaker of its lane holds it.
class HoldReasons final {
public:
    [[nodiscard]] static core::Result<HoldReasons> read(const Services& services);
    [[nodiscard]] std::optional<std::string> of(const storage::CalloutRecord& callout) const;

private:
    explicit HoldReasons(core::StoredTime now) : now_(now) {}

    core::StoredTime now_;
    std::unordered_map<core::NotificationId, std::string, core::IdHash> reasons_;
};

/// {"id","notification","state","reason"}: a callout inside its event.
[[nodiscard]] boost::json::object callout_summary(const storage::CalloutRecord& callout,
                                                  const HoldReasons& reasons);

}  // namespace herald::api
