#pragma once

#include <boost/asio/ip/address.hpp>
#include <optional>

namespace herald::http {

/// IPv4 stands here as its mapped form throughout, so that one table and one comparison serve both
/// families.
using AddressBits = boost::asio::ip::address_v6;

[[nodiscard]] bool is_in_network(const AddressBits& address, const AddressBits& network,
                                 unsigned prefix);

/// Reachable on the public internet, by the IANA special-purpose registries; an IPv4 address
/// wrapped in NAT64 or 6to4 counts as itself. IPv6 outside 2000::/3 is never public.
[[nodiscard]] bool is_public(const AddressBits& address);

/// This machine; an IPv4 address in its mapped form counts as itself.
[[nodiscard]] bool is_loopback(const boost::asio::ip::address& address);

/// Where clouds hand out credentials to whoever asks; looks inside IPv6 wrappings too.
[[nodiscard]] bool is_metadata(const AddressBits& address);

}  // namespace herald::http
