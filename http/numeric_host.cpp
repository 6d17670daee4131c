#include "http/numeric_host.h"

#include <netdb.h>

#include <memory>
#include <string>

#include "http/socket_address.h"

namespace herald::http {

std::optional<boost::asio::ip::address> numeric_host(std::string_view host) {
    // Cheap refusal of nearly every name: an address begins with a digit or holds a colon.
    if (host.empty()) return std::nullopt;
    const bool begins_with_digit = host.front() >= '0' && host.front() <= '9';
    if (!begins_with_digit && host.find(':') == std::string_view::npos) return std::nullopt;

    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* found = nullptr;
    if (::getaddrinfo(std::string(host).c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    return to_address(*found->ai_addr);
}

}  // namespace herald::http
