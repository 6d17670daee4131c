#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace herald::http {

/// Which addresses outgoing requests may reach: the public internet, and the CIDRs listed.
///
/// Private, loopback, link-local, multicast, documentation and other special ranges are refused
/// unless listed, also when wrapped in IPv6 (mapped, compatible, NAT64, 6to4, Teredo). Cloud
/// metadata addresses are refused unless listed exactly (/32 or /128). Immutable, so it may be
/// shared between threads.
class EgressPolicy final {
public:
    EgressPolicy() = default;
    /// `HERALD_EGRESS_ALLOW`: comma-separated CIDRs; a bare address stands for itself alone.
    [[nodiscard]] static core::Result<EgressPolicy> parse(std::string_view text);

    [[nodiscard]] bool allows(const boost::asio::ip::address& address) const;
    /// Our own listener is never a destination (S-04), whatever is listed.
    void add_own_listener(const boost::asio::ip::tcp::endpoint& endpoint);
    [[nodiscard]] bool is_own_listener(const boost::asio::ip::tcp::endpoint& endpoint) const;
    /// For a URL whose host is an address literal (in any spelling getaddrinfo reads): the refusal
    /// that connecting would meet. Success for names, which are checked when they are resolved.
    [[nodiscard]] core::Result<> check_literal(std::string_view host, std::string_view field) const;
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    struct Range {
        boost::asio::ip::address_v6 network;  ///< IPv4 as mapped
        unsigned prefix = 128;
    };
    std::vector<Range> allowed_;
    std::vector<boost::asio::ip::tcp::endpoint> own_;
    std::string text_;
};

/// `blocked_address`, with the setting to change.
[[nodiscard]] core::Error blocked_address(const boost::asio::ip::address& address,
                                          std::string_view host);

}  // namespace herald::http
