#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "http/beast/beast_transport.h"
#include "http/beast/connection_pool.h"
#include "http/beast/deadline_queue.h"
#include "http/beast/descriptor_gate.h"
#include "http/beast/tls_contexts.h"

namespace herald::http {

/// What the requests of one transport share. They hold it together with the transport, so that it
/// may go first.
struct TransportParts {
    /// `own` is null where somebody else owns `names`.
    TransportParts(boost::asio::any_io_executor on, const EgressPolicy& egress, Resolver& names,
                   std::unique_ptr<Resolver> own, core::Clock& time,
                   const BeastTransportOptions& settings)
        : executor(std::move(on)),
          policy(egress),
          own_resolver(std::move(own)),
          resolver(names),
          clock(time),
          options(settings),
          deadlines(std::make_shared<DeadlineQueue>(time, executor)),
          pool(settings) {}

    const boost::asio::any_io_executor executor;
    const EgressPolicy& policy;
    const std::unique_ptr<Resolver> own_resolver;
    Resolver& resolver;
    core::Clock& clock;
    const BeastTransportOptions options;
    const std::shared_ptr<DeadlineQueue>
        deadlines;  // shared because its timer's handler may come late
    DescriptorGate descriptors;
    TlsContexts tls;
    ConnectionPool pool;
};

}  // namespace herald::http
