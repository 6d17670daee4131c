#include "http/special_addresses.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace herald::http {
namespace {

struct V4Range {
    std::uint32_t network;
    unsigned prefix;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return (a << 24U) | (b << 16U) | (c << 8U) | d;
}

// IANA IPv4 special-purpose registry, all that is not globally reachable.
constexpr std::array kSpecialV4 = {
    V4Range{v4(0, 0, 0, 0), 8},      V4Range{v4(10, 0, 0, 0), 8},
    V4Range{v4(100, 64, 0, 0), 10},  V4Range{v4(127, 0, 0, 0), 8},
    V4Range{v4(169, 254, 0, 0), 16}, V4Range{v4(172, 16, 0, 0), 12},
    V4Range{v4(192, 0, 0, 0), 24},   V4Range{v4(192, 0, 2, 0), 24},
    V4Range{v4(192, 88, 99, 0), 24}, V4Range{v4(192, 168, 0, 0), 16},
    V4Range{v4(198, 18, 0, 0), 15},  V4Range{v4(198, 51, 100, 0), 24},
    V4Range{v4(203, 0, 113, 0), 24}, V4Range{v4(224, 0, 0, 0), 4},
    V4Range{v4(240, 0, 0, 0), 4},
};

constexpr std::array kMetadataV4 = {
    v4(169, 254, 169, 254),  // most clouds
    v4(169, 254, 170, 2),    // Amazon ECS task credentials
    v4(100, 100, 100, 200),  // Alibaba
    v4(168, 63, 129, 16),    // Azure platform
    v4(192, 0, 0, 192),      // Oracle
};

AddressBits v6(const char* text) {
    return boost::asio::ip::make_address_v6(text);
}

struct V6Range {
    AddressBits network;
    unsigned prefix;
};

// Inside 2000::/3, what is not globally reachable. 2001::/23 holds Teredo, benchmarking and ORCHID.
const std::array<V6Range, 3>& special_v6() {
    static const std::array<V6Range, 3> kRanges = {
        V6Range{v6("2001::"), 23}, V6Range{v6("2001:db8::"), 32}, V6Range{v6("3fff::"), 20}};
    return kRanges;
}

std::uint32_t v4_at(const AddressBits& address, std::size_t offset) {
    const auto bytes = address.to_bytes();
    return v4(bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]);
}

bool starts_with(const AddressBits& address, const char* network, unsigned prefix) {
    return is_in_network(address, v6(network), prefix);
}

// The IPv4 address that a translator or tunnel would send the packet to.
std::optional<std::uint32_t> wrapped_v4(const AddressBits& address) {
    if (starts_with(address, "64:ff9b::", 96)) return v4_at(address, 12);  // NAT64, RFC 6052
    if (starts_with(address, "2002::", 16)) return v4_at(address, 2);      // 6to4, RFC 3056
    return std::nullopt;
}

// More wrappings, which are never public, so only metadata inside them matters: compatible
// (RFC 4291), local NAT64 (RFC 8215) and Teredo, which stores the complement (RFC 4380).
std::optional<std::uint32_t> obsolete_wrapped_v4(const AddressBits& address) {
    if (starts_with(address, "::", 96)) return v4_at(address, 12);
    if (starts_with(address, "64:ff9b:1::", 48)) return v4_at(address, 12);
    if (starts_with(address, "2001::", 32)) return ~v4_at(address, 12);
    return std::nullopt;
}

bool is_public_v4(std::uint32_t address) {
    return std::ranges::none_of(kSpecialV4, [address](const V4Range& range) {
        return (address ^ range.network) >> (32U - range.prefix) == 0;
    });
}

bool is_metadata_v4(std::uint32_t address) {
    return std::ranges::find(kMetadataV4, address) != kMetadataV4.end();
}

}  // namespace

bool is_in_network(const AddressBits& address, const AddressBits& network, unsigned prefix) {
    const auto a = address.to_bytes();
    const auto b = network.to_bytes();
    const std::size_t whole = prefix / 8;
    if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
        return false;
    const unsigned rest = prefix % 8;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8U - rest)) == 0;
}

bool is_public(const AddressBits& address) {
    if (address.is_v4_mapped()) return is_public_v4(v4_at(address, 12));
    if (const auto inner = wrapped_v4(address))
        return is_public_v4(*inner) && !is_metadata_v4(*inner);
    if (!starts_with(address, "2000::", 3)) return false;
    return std::ranges::none_of(special_v6(), [&address](const V6Range& range) {
        return is_in_network(address, range.network, range.prefix);
    });
}

bool is_metadata(const AddressBits& address) {
    if (address.is_v4_mapped()) return is_metadata_v4(v4_at(address, 12));
    if (const auto inner = wrapped_v4(address)) return is_metadata_v4(*inner);
    if (const auto inner = obsolete_wrapped_v4(address)) return is_metadata_v4(*inner);
    static const AddressBits kAmazonV6 = v6("fd00:ec2::254");
    return address.to_bytes() == kAmazonV6.to_bytes();
}

bool is_loopback(const boost::asio::ip::address& address) {
    namespace ip = boost::asio::ip;
    if (address.is_v4() || !address.to_v6().is_v4_mapped()) return address.is_loopback();
    return ip::make_address_v4(ip::v4_mapped, address.to_v6()).is_loopback();
}

}  // namespace herald::http
