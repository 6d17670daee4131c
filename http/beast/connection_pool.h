#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/beast/beast_transport.h"
#include "http/beast/connection.h"

namespace herald::http {

/// Connections that wait for their next request, by origin and TLS identity; the latest used goes
/// out first.
///
/// Expired ones are closed when the pool is next used.
class ConnectionPool final {
public:
    explicit ConnectionPool(const BeastTransportOptions& options)
        : max_per_origin_(options.max_idle_per_origin), idle_timeout_(options.idle_timeout) {}

    [[nodiscard]] static std::string key_of(const Request& request);
    /// Null where none is fit to be written on.
    [[nodiscard]] std::unique_ptr<Connection> take(const std::string& key, bool to_loopback_only,
                                                   core::SteadyTime now);
    void give_back(std::unique_ptr<Connection> connection, core::SteadyTime now);
    /// Closes all that are idle.
    void drop_idle() { idle_.clear(); }
    /// From now on nothing is kept.
    void close();

private:
    using Idle = std::vector<std::unique_ptr<Connection>>;
    void drop_expired(core::SteadyTime now);

    const std::size_t max_per_origin_;
    const std::chrono::seconds idle_timeout_;
    std::unordered_map<std::string, Idle> idle_;
    core::SteadyTime next_sweep_{};
    bool is_closed_ = false;
};

}  // namespace herald::http
