#pragma once

#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string_view>

namespace herald::http {

/// The address that getaddrinfo would read from `host` without asking anyone: `127.1`,
/// `0x7f000001`, `2130706433` and `::1` are addresses, `localhost` is a name. Never blocks.
[[nodiscard]] std::optional<boost::asio::ip::address> numeric_host(std::string_view host);

}  // namespace herald::http
