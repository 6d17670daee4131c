#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace herald::cli {

struct DemoRequest {
    std::string method;
    std::string path;
    std::string authorization;
    std::string body;
};

struct DemoResponse {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
};

/// An HTTP server on 127.0.0.1, on a port that the system picks.
///
/// `handle` runs on several threads at once. The server stops when it is destroyed.
class LoopbackServer final {
public:
    explicit LoopbackServer(std::function<DemoResponse(const DemoRequest&)> handle);
    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;
    ~LoopbackServer();

    [[nodiscard]] std::string url(const std::string& path) const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace herald::cli
