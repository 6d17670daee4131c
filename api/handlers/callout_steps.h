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

/// Why a pending callout does not go now, and when it may: by its record, or by what holds its lane
/// (its notification, its provider, the breaker, an obstacle), whichever lasts longer.
class HoldReasons final {
public:
    [[nodiscard]] static core::Result<HoldReasons> read(const Services& services);
    [[nodiscard]] std::optional<std::string> of(const storage::CalloutRecord& callout) const;
    /// No earlier than its lane lets anything through, where that is known.
    [[nodiscard]] std::optional<core::StoredTime> due_at(
        const storage::CalloutRecord& callout) const;

private:
    struct Hold {
        std::string reason;
        std::optional<core::StoredTime> until = std::nullopt;
    };
    explicit HoldReasons(const Services& services)
        : now_(services.clock.stored_now()), scheduler_(services.scheduler) {}
    [[nodiscard]] Hold hold_of(core::NotificationId notification) const;
    /// Null where its lane is open to it.
    [[nodiscard]] const Hold* hold_on(const storage::CalloutRecord& callout) const;

    core::StoredTime now_;
    dispatcher::Scheduler* scheduler_;  ///< null without a daemon
    /// Of all notifications without a daemon, else of those that were asked for.
    mutable std::unordered_map<core::NotificationId, Hold, core::IdHash> holds_;
};

/// {"id","notification","state","reason"}: a callout inside its event.
[[nodiscard]] boost::json::object callout_summary(const storage::CalloutRecord& callout,
                                                  const HoldReasons& reasons);

}  // namespace herald::api
