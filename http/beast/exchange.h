#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "core/error.h"
#include "http/beast/transport_parts.h"
#include "http/message.h"

namespace herald::http {

/// One request and its response, over a pooled or a new connection. Where a pooled one ends without
/// a byte of an answer, the same bytes go out once more over a new one, within the same deadline.
[[nodiscard]] boost::asio::awaitable<core::Result<Response>> exchange(
    std::shared_ptr<TransportParts> parts, Request request);

}  // namespace herald::http
