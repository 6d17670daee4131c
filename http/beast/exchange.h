#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "core/error.h"
#include "http/beast/engine.h"
#include "http/message.h"

namespace herald::http {

/// One request and its response, over a pooled or a new connection. Never sends twice.
[[nodiscard]] boost::asio::awaitable<core::Result<Response>> exchange(
    std::shared_ptr<Engine> engine, Request request);

}  // namespace herald::http
