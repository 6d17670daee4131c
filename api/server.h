#pragma once

#include <chrono>
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
    std::size_t threads = 16;
    /// How long one request's header, its body, and the wait for the next request may take, each.
    std::chrono::milliseconds patience{10'000};
};

/// Serves the router on a Unix socket, and health and metrics over TCP, with Poco's TCP server.
///
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
