#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <string_view>

#include "core/error.h"
#include "dispatcher/intake.h"

namespace herald::api {

/// One event as JSON: {"type","data","key"?,"occurred_at"?}. `data` is taken as the bytes that came
/// in, absent: null.
[[nodiscard]] core::Result<dispatcher::EventInput> read_event(std::string_view text);

/// Submits every line without waiting for the one before, at most 1024 at a time, so that they
/// share commits.
///
/// Returns when all are durable; lets others use its thread now and then.
/// {"accepted","duplicates","rejected":[{"line","error"}]}; blank lines are skipped. Once 1,000
/// lines are rejected no more are read: then there is also "stopped":{"line","error"} with the last
/// line that was looked at, and up to 1,023 lines which were under way may be rejected besides. An
/// error of the store ends it: the lines after the one in details.line were not all taken.
/// REQUIRES: `lines` lives until it returns.
[[nodiscard]] boost::asio::awaitable<core::Result<boost::json::object>> submit_lines(
    dispatcher::Intake& intake, std::string_view lines);

}  // namespace herald::api
