#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "http/beast/request_progress.h"
#include "http/beast/transport_parts.h"

namespace herald::http {

/// Makes the new connection of one request: name lookup, egress check, TCP, TLS.
///
/// Every address of a name is checked before any is used, and only checked addresses are connected
/// to: between check and connect no name is read again (S-01, S-02, P12). Where descriptors are
/// short it waits for one, then fails with details.local: not the receiver's doing.
/// Lifetime: must outlive `dial`; so must what it refers to.
class Dialer final {
public:
    Dialer(TransportParts& parts, const Request& request, RequestProgress& progress)
        : parts_(parts), request_(request), progress_(progress) {}

    /// `key` is the pool's for what is dialled.
    [[nodiscard]] boost::asio::awaitable<core::Result<std::unique_ptr<Connection>>> dial(
        std::string key);

private:
    /// What needs no asking.
    [[nodiscard]] std::optional<Resolver::Answer> at_hand() const;
    [[nodiscard]] boost::asio::awaitable<Resolver::Answer> look_up();
    [[nodiscard]] core::Result<> check(const Addresses& addresses) const;
    [[nodiscard]] core::Result<> check(const boost::asio::ip::address& address) const;
    [[nodiscard]] boost::asio::awaitable<core::Result<>> admit(Connection& connection,
                                                               boost::asio::ip::tcp protocol);
    [[nodiscard]] boost::asio::awaitable<core::Result<>> connect(Connection& connection,
                                                                 AddressesPtr addresses);
    [[nodiscard]] core::Error shortage(std::string_view cause) const;
    [[nodiscard]] core::Error broken(const boost::system::error_code& ec) const;
    [[nodiscard]] boost::asio::awaitable<core::Result<>> secure(Connection& connection);

    TransportParts& parts_;
    const Request& request_;
    RequestProgress& progress_;
};

}  // namespace herald::http
