#include "api/server.h"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <thread>
#include <vector>

#include "api/asio/door.h"
#include "api/handler_threads.h"
#include "core/await.h"

namespace herald::api {
namespace {

namespace asio = boost::asio;
using core::Result;

// What a health check reads and is answered is small.
constexpr std::size_t kHealthBytes = std::size_t{16} * 1024 * 1024;
constexpr std::size_t kMaxHealthBody = std::size_t{64} * 1024;

// Callouts need descriptors too.
std::size_t connections_allowed(std::size_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    return std::min<std::size_t>(wanted, std::max<rlim_t>(8, limit.rlim_cur / 2));
}

}  // namespace

class Server::Impl {
public:
    Impl(const Router& router, ServerOptions options)
        : router_(router), options_(std::move(options)) {}
    ~Impl() { stop(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    Result<> start() {
        threads_.emplace(loop_.get_executor());
        if (auto opened = open_doors(); !opened) {
            doors_.clear();
            remove_socket();
            return opened;
        }
        for (const auto& door : doors_) door->begin();
        thread_ = std::thread([this] { loop_.run(); });
        return {};
    }

    void stop() {
        if (!thread_.joinable()) return;
        for (const auto& door : doors_) {
            core::wait_called<void>([this, &door](std::function<void()> closed) {
                asio::post(loop_, [&door, closed = std::move(closed)] { door->close(closed); });
            });
        }
        threads_->stop();
        keep_running_.reset();
        loop_.stop();
        thread_.join();
        doors_.clear();
        remove_socket();
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    Result<> open_doors() {
        std::optional<asio::ip::tcp::endpoint> endpoint;
        if (options_.listen) {
            const auto parsed = parse_listen(*options_.listen);
            if (!parsed) return parsed.error();
            endpoint = *parsed;
        }
        auto socket = open_socket_door(loop_, socket_listener(), options_.socket);
        if (!socket) return socket.error();
        doors_.push_back(std::move(*socket));
        has_socket_ = true;
        if (!endpoint) return {};
        auto tcp = open_tcp_door(loop_, health_listener(), *endpoint, port_);
        if (!tcp) return tcp.error();
        doors_.push_back(std::move(*tcp));
        return {};
    }

    Listener listener(ConnectionTable::Limits limits) {
        return {.router = router_,
                .threads = *threads_,
                .clock = clock_,
                .patience = options_.patience,
                .idle_patience = options_.idle_patience,
                .table = ConnectionTable(limits)};
    }
    // All of its clients are the owner: they are not told apart.
    Listener socket_listener() {
        const std::size_t connections = connections_allowed(options_.max_connections);
        return listener(
            {.connections = connections, .per_peer = connections, .bytes = options_.max_buffered});
    }
    Listener health_listener() {
        Listener health = listener({.connections = connections_allowed(options_.max_connections),
                                    .per_peer = options_.max_per_address,
                                    .bytes = kHealthBytes});
        health.health_only = true;
        health.bodies = {.body = kMaxHealthBody, .ndjson_body = kMaxHealthBody};
        return health;
    }

    void remove_socket() {
        std::error_code ignored;
        if (std::exchange(has_socket_, false)) std::filesystem::remove(options_.socket, ignored);
    }

    const Router& router_;
    ServerOptions options_;
    core::SystemClock clock_;
    asio::io_context loop_{1};
    asio::executor_work_guard<asio::io_context::executor_type> keep_running_{loop_.get_executor()};
    std::optional<HandlerThreads> threads_;
    std::vector<std::unique_ptr<Door>> doors_;
    std::thread thread_;
    std::uint16_t port_ = 0;
    bool has_socket_ = false;
};

Server::Server(const Router& router, ServerOptions options)
    : impl_(std::make_unique<Impl>(router, std::move(options))) {}
Server::~Server() = default;

Result<> Server::start() {
    return impl_->start();
}
void Server::stop() {
    impl_->stop();
}
std::uint16_t Server::port() const {
    return impl_->port();
}

}  // namespace herald::api
