#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <memory>

#include "core/clock.h"
#include "http/egress_policy.h"
#include "http/resolver.h"
#include "http/transport.h"

namespace herald::http {

struct BeastTransportOptions {
    std::chrono::milliseconds resolve_timeout{5'000};
    std::chrono::milliseconds tls_timeout{5'000};
    std::size_t max_header_bytes = 32 * 1024;
    std::size_t max_header_fields = 100;
    std::size_t max_interim_responses = 8;  ///< 1xx
    /// As many as one burst leaves behind: closing and dialling anew costs more than keeping.
    std::size_t max_idle_per_origin = 1024;
    std::chrono::seconds idle_timeout{30};
};

/// HTTP/1.1 with keep-alive on Boost.Beast; a pool of connections per origin and TLS identity.
///
/// A connection is used again only when the response ended where its framing said, nothing more is
/// readable and nobody announced a close. TLS 1.2 or newer, chain and host name verified, also on
/// loopback. A TLS identity whose CA file cannot be read is a `tls` error naming the file.
/// Names are looked up by a resolver of its own (docs/name-lookup.md), or by `resolver`.
/// REQUIRES: `policy`, `resolver` and `clock` outlive it; it is used and destroyed on `executor`'s
/// thread.
[[nodiscard]] std::unique_ptr<Transport> make_beast_transport(boost::asio::any_io_executor executor,
                                                              const EgressPolicy& policy,
                                                              core::Clock& clock,
                                                              BeastTransportOptions options = {});
[[nodiscard]] std::unique_ptr<Transport> make_beast_transport(boost::asio::any_io_executor executor,
                                                              const EgressPolicy& policy,
                                                              Resolver& resolver,
                                                              core::Clock& clock,
                                                              BeastTransportOptions options = {});

}  // namespace herald::http
