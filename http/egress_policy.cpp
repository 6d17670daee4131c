#include "http/egress_policy.h"

#include <ifaddrs.h>

#include <algorithm>
#include <boost/asio/ip/address_v6.hpp>
#include <charconv>
#include <memory>

#include "core/encoding.h"
#include "http/numeric_host.h"
#include "http/socket_address.h"
#include "http/special_addresses.h"

namespace herald::http {
namespace {

namespace ip = boost::asio::ip;

constexpr std::string_view kSetting = "HERALD_EGRESS_ALLOW";
constexpr unsigned kMappedPrefix = 96;

/// The scope is left out: it chooses an interface, not an address.
AddressBits bits_of(const ip::address& address) {
    if (address.is_v4()) return ip::make_address_v6(ip::v4_mapped, address.to_v4());
    return AddressBits(address.to_v6().to_bytes());
}

bool is_unspecified(const AddressBits& bits) {
    return bits.is_v4_mapped() ? ip::make_address_v4(ip::v4_mapped, bits).is_unspecified()
                               : bits.is_unspecified();
}

core::Error bad_entry(std::string_view entry, std::string_view rule) {
    std::string text("'");
    text.append(core::printable(entry, 64)).append("' ").append(rule);
    return core::invalid_argument(kSetting, text);
}

std::optional<unsigned> parse_prefix(std::string_view text, unsigned most) {
    unsigned prefix = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), prefix);
    if (problem != std::errc{} || end != text.data() + text.size() || prefix > most)
        return std::nullopt;
    return prefix;
}

bool has_bits_beyond(const AddressBits& network, unsigned prefix) {
    const auto bytes = network.to_bytes();
    for (unsigned bit = prefix; bit < 128; ++bit) {
        if (((bytes[bit / 8] >> (7U - bit % 8)) & 1U) != 0) return true;
    }
    return false;
}

// Our machine's own addresses, for a listener bound to all of them.
std::vector<ip::address> interface_addresses() {
    ifaddrs* found = nullptr;
    if (::getifaddrs(&found) != 0) return {};
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(found, &::freeifaddrs);
    std::vector<ip::address> addresses;
    for (const ifaddrs* entry = found; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr) continue;
        if (const auto address = to_address(*entry->ifa_addr)) addresses.push_back(*address);
    }
    return addresses;
}

}  // namespace

core::Result<EgressPolicy> EgressPolicy::parse(std::string_view text) {
    EgressPolicy policy;
    policy.text_ = core::trim(text);
    std::string_view rest = policy.text_;
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        const auto entry = core::trim(rest.substr(0, comma));
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);

        const auto slash = entry.find('/');
        boost::system::error_code problem;
        const auto address = ip::make_address(std::string(entry.substr(0, slash)), problem);
        if (problem || (address.is_v6() && address.to_v6().scope_id() != 0)) {
            return bad_entry(entry,
                             "must be an IPv4 or IPv6 network such as 127.0.0.0/8 or ::1/128");
        }
        Range range{.network = bits_of(address)};
        if (slash != std::string_view::npos) {
            const auto prefix = parse_prefix(entry.substr(slash + 1), address.is_v4() ? 32 : 128);
            if (!prefix)
                return bad_entry(entry, "must end in a prefix length, /0 to /32 or /128 for IPv6");
            range.prefix = address.is_v4() ? kMappedPrefix + *prefix : *prefix;
        }
        if (has_bits_beyond(range.network, range.prefix)) {
            return bad_entry(entry, "must not have bits set beyond its prefix length");
        }
        policy.allowed_.push_back(range);
    }
    return policy;
}

bool EgressPolicy::allows(const ip::address& address) const {
    const auto bits = bits_of(address);
    const auto matches = [&bits](const Range& range) {
        // An IPv6 network such as ::/0 says nothing about IPv4, though mapped addresses lie inside
        // it.
        if (bits.is_v4_mapped() && range.prefix < kMappedPrefix) return false;
        return is_in_network(bits, range.network, range.prefix);
    };
    if (is_metadata(bits)) {
        return std::ranges::any_of(
            allowed_, [&](const Range& range) { return range.prefix == 128 && matches(range); });
    }
    return is_public(bits) || std::ranges::any_of(allowed_, matches);
}

void EgressPolicy::add_own_listener(const ip::tcp::endpoint& endpoint) {
    own_.push_back(endpoint);
    if (!endpoint.address().is_unspecified()) return;
    for (const auto& address : interface_addresses()) own_.emplace_back(address, endpoint.port());
}

bool EgressPolicy::is_own_listener(const ip::tcp::endpoint& endpoint) const {
    const auto bits = bits_of(endpoint.address());
    const bool is_anywhere = is_unspecified(bits);
    const bool is_here = is_anywhere || is_loopback(bits);
    return std::ranges::any_of(own_, [&](const ip::tcp::endpoint& own) {
        if (own.port() != endpoint.port()) return false;
        if (is_here && own.address().is_unspecified()) return true;
        // Connecting to 0.0.0.0 or :: reaches the loopback interface.
        if (is_anywhere && is_loopback(own.address())) return true;
        return bits_of(own.address()).to_bytes() == bits.to_bytes();
    });
}

core::Result<> EgressPolicy::check_literal(std::string_view host, std::string_view field) const {
    const auto address = numeric_host(host);
    if (!address || allows(*address)) return {};
    auto error = core::invalid_argument(field, blocked_address(*address, host).message);
    error.details["address"] = address->to_string();
    return error;
}

core::Error blocked_address(const ip::address& address, std::string_view host) {
    core::Error error{
        .kind = core::ErrorKind::kPermanent, .code = "blocked_address", .message = {}};
    error.message.append("requests to ").append(core::printable(host, 255));
    error.message.append(" are refused: it has the address ").append(address.to_string());
    error.message.append(", which is neither public nor listed; list it in ").append(kSetting);
    error.message.append(" to allow it");
    error.details["host"] = core::printable(host, 255);
    error.details["address"] = address.to_string();
    return error;
}

}  // namespace herald::http
