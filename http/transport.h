#pragma once

#include <boost/asio/awaitable.hpp>

#include "core/error.h"
#include "http/message.h"

namespace herald::http {

/// Sends one request and reads one response; never follows a redirect. Only where a kept connection
/// turns out to be closed before a byte of an answer came is the same request sent once more, at
/// once, over a new connection (RFC 9112 section 9.3.1).
///
/// Once a status line is there it is the answer, whatever becomes of the rest.
/// Thread-safety: none; each worker has its own and awaits it on its own executor.
/// Errors: `code` is one of http/failure_codes.h; kPermanent for `blocked_address`,
/// kInvalidArgument for `invalid_argument` (a header or target that must not be sent), kCancelled
/// where the transport is shut down, else kTransient. details.sent is true where a byte of the
/// request may have arrived, details.local where this machine is to blame and nothing has left it.
class Transport {
public:
    virtual ~Transport() = default;
    [[nodiscard]] virtual boost::asio::awaitable<core::Result<Response>> send(Request request) = 0;
    /// Ends what is in flight soon, and what is sent later at once, both with kCancelled. Whoever
    /// destroys a transport while somebody may still send with it has to do this first, and to
    /// wait.
    virtual void shut_down() = 0;
};

}  // namespace herald::http
