#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <string>
#include <vector>

#include "core/error.h"

namespace herald::http {

/// Names to addresses, without blocking the caller's thread.
///
/// Thread-safety: `resolve` may be awaited from any executor concurrently.
/// Errors: kTransient `dns`.
class Resolver {
public:
    virtual ~Resolver() = default;
    /// All addresses, never none. The caller checks every one of them.
    [[nodiscard]] virtual boost::asio::awaitable<
        core::Result<std::vector<boost::asio::ip::address>>>
    resolve(std::string host) = 0;
};

}  // namespace herald::http
