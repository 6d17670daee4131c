#pragma once

#include <array>
#include <boost/system/error_code.hpp>
#include <optional>
#include <string_view>

namespace herald::http::failure {

/// Every `code` that the error of a request without a response may have. Whose failure each one is,
/// is for the caller to decide; details.local is true where this machine or its configuration is to
/// blame, and then no byte of the request has left.
inline constexpr std::string_view kDns = "dns";  ///< the name has no address
/// Nobody told us the addresses: our name servers are not configured, not reachable or too slow.
inline constexpr std::string_view kResolverUnavailable = "resolver_unavailable";
/// Out of descriptors, local ports, buffers or memory, or stopped by a rule of this machine.
inline constexpr std::string_view kLocalLimit = "local_limit";
/// This machine has no route to the address, or no network at all.
inline constexpr std::string_view kNetworkUnreachable = "network_unreachable";
inline constexpr std::string_view kConnect = "connect";
inline constexpr std::string_view kTls = "tls";
inline constexpr std::string_view kTimeout = "timeout";
inline constexpr std::string_view kHttp = "http";            ///< the connection broke
inline constexpr std::string_view kMalformed = "malformed";  ///< no valid response
inline constexpr std::string_view kBlockedAddress = "blocked_address";
inline constexpr std::string_view kInvalidArgument = "invalid_argument";

inline constexpr std::array kAll = {
    kDns,  kResolverUnavailable, kLocalLimit,     kNetworkUnreachable, kConnect, kTls, kTimeout,
    kHttp, kMalformed,           kBlockedAddress, kInvalidArgument};

/// The code for what the system said, where it says that this machine is to blame; empty for what
/// the other side may have caused.
[[nodiscard]] std::optional<std::string_view> own_failure(const boost::system::error_code& ec);

}  // namespace herald::http::failure
