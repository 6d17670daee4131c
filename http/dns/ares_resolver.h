#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <memory>

#include "core/clock.h"
#include "http/dns/ares_lookup.h"
#include "http/resolver.h"

namespace herald::http {

struct AresResolverOptions {
    NameServiceOptions names = {};
    /// What a name server allows, within these; for /etc/hosts the shortest.
    std::chrono::seconds shortest_memory{1};
    std::chrono::seconds longest_memory{60};
    std::chrono::seconds failure_memory{2};
    std::size_t most_remembered = 1024;  ///< of answers, and again as many failures
    std::size_t most_lookups = 128;      ///< at a time; each holds a socket or two
    /// A name that failed is held back for so long: such names take half of the lookups at most, so
    /// that those of a silent server leave room for the others.
    std::chrono::seconds distrust{60};
};

/// Lookups by c-ares on the event loop `executor` (docs/name-lookup.md). One at a time for a name;
/// each name by itself, so that one that is late costs nobody else anything.
/// REQUIRES: used and destroyed on the executor's thread; `clock` outlives it. Destroying it waits
/// for nothing, and nobody is told any more.
[[nodiscard]] std::unique_ptr<Resolver> make_ares_resolver(boost::asio::any_io_executor executor,
                                                           core::Clock& clock,
                                                           AresResolverOptions options = {});

}  // namespace herald::http
