#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/services.h"
#include "core/error.h"

namespace herald::api {

class HandlerThreads;

struct ApiRequest {
    std::string method;
    std::string path;                            ///< decoded per segment by the router
    std::map<std::string, std::string> query;    ///< decoded
    std::map<std::string, std::string> headers;  ///< names lower case; only those the API reads
    std::string body;
};

struct ApiResponse {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::map<std::string, std::string> headers;
};

/// Takes the one answer to a request.
using Reply = std::function<void(ApiResponse)>;

/// The one admin interface: contract section 8 as a function from request to response.
///
/// The daemon serves it over HTTP; the CLI without a daemon calls it in process.
/// Thread-safety: `handle` may be called concurrently. Answers when what was done is durable. Does
/// not throw.
class Router final {
public:
    explicit Router(Services services);
    ~Router();

    /// Calls `reply` once, on one of `threads` or at once. REQUIRES: on the loop of `threads`,
    /// which are stopped only after the reply.
    void handle(ApiRequest request, HandlerThreads& threads, Reply reply) const;
    /// Blocks until the answer is there: for the CLI without a daemon.
    [[nodiscard]] ApiResponse handle(ApiRequest request) const;
    /// Handlers that wait for a receiver end soon.
    void stop_trials() const;
    /// `METHOD /pattern` of every route, for tests that cover all of them.
    [[nodiscard]] std::vector<std::string> routes() const;

private:
    class Table;
    std::unique_ptr<Table> table_;
};

/// application/problem+json (RFC 9457) with `code` and `details`; the status of contract section 3.
[[nodiscard]] ApiResponse problem(const core::Error& error);
[[nodiscard]] int http_status(const core::Error& error);

}  // namespace herald::api
