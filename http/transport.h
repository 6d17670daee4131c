#pragma once

#include <boost/asio/awaitable.hpp>

#include "core/error.h"
#include "http/message.h"

namespace herald::http {

/// Sends one request and reads one response; never follows a redirect, never sends twice.
///
/// Thread-safety: none; each worker has its own and awaits it on its own executor.
/// Errors: `code` is the phase that failed: `dns`, `connect`, `tls`, `timeout`, `http` (the
/// connection broke), `malformed` (no valid response), `blocked_address` (kPermanent),
/// `invalid_argument` (kInvalidArgument: a header or target that must not be sent). details.sent is
/// true where a byte of the request may have arrived, details.local where this machine was short of
/// descriptors or memory.
class Transport {
public:
    virtual ~Transport() = default;
    [[nodiscard]] virtual boost::asio::awaitable<core::Result<Response>> send(Request request) = 0;
};

}  // namespace herald::http
