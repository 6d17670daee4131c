#pragma once

#include <filesystem>

#include "core/id.h"
#include "storage/key_ring.h"

namespace herald::storage {

/// What a database of schema 1 holds that the first released herald could have left behind.
struct FirstSchemaRows {
    core::ProviderId provider;
    core::NotificationId notification;
    core::NotificationId deleted_notification;
    core::EventId unfinished_event;  ///< with the first three callouts
    core::EventId finished_event;    ///< with the last three
    core::EventId unheard_event;     ///< without callouts
    core::CalloutId first_try, retry, in_flight, delivered, dead, cancelled;
};

/// Makes a database of schema 1 at `path` with rows in every table. It is closed well.
[[nodiscard]] FirstSchemaRows make_first_schema(const std::filesystem::path& path,
                                                const KeyRing& ring);

}  // namespace herald::storage
