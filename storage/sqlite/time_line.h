#pragma once

#include "core/clock.h"
#include "storage/sqlite/connection.h"

namespace herald::storage::sqlite {

/// The clock's time line goes on where the database left it, or is kept here for the first time.
/// Throws Failure.
void continue_time_line(Connection& db, core::Clock& clock);

/// In the open transaction, if there is one.
void keep_time(Connection& db, const core::KeptTime& time);

}  // namespace herald::storage::sqlite
