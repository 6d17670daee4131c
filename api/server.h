#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "api/router.h"
#include "core/error.h"

namespace herald::api {

struct ServerOptions {
    std::filesystem::path socket;       ///< Unix socket, created 0600; a left-over file is replaced
    std::optional<std::string> listen;  ///< ADDR:PORT; only /livez /readyz /metrics there
    /// How long one request's header and its body may take, each.
    std::chrono::milliseconds patience{10'000};
    /// How long a connection may wait for its next request.
    std::chrono::milliseconds idle_patience{60'000};
    /// Of the socket and of the port, each; no more than half of the descriptors that the process
    /// may have.
    std::size_t max_connections = 4096;
    std::size_t max_per_address = 256;  ///< of one address, at the port
    /// Of requests and answers that are under way at the socket, beyond 64 KiB of each.
    std::size_t max_buffered = std::size_t{256} * 1024 * 1024;
};

/// Serves the router on a Unix socket, and health and metrics over TCP.
///
/// One thread does all that is spoken with clients; handlers run on HandlerThreads. A connection
/// costs memory, not a thread: the number of connections, the bytes they hold and every wait are
/// bounded. Where there are too many, the one that has been silent longest is closed; where other
/// answers wait for their clients and fill the memory, a large one is `overloaded` instead.
/// A HEAD is answered without a body, for health and metrics as a GET would be.
/// Refuses before any handler: ambiguous framing (request_head.h), bodies above 1 MiB (64 MiB for
/// NDJSON), what does not arrive in time (S-11, S-12). start/stop; stop is idempotent and returns
/// when no request is being handled.
class Server final {
public:
    Server(const Router& router, ServerOptions options);
    ~Server();
    [[nodiscard]] core::Result<> start();
    void stop();
    /// The TCP port in use (for `--listen 127.0.0.1:0`), 0 without one.
    [[nodiscard]] std::uint16_t port() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace herald::api
